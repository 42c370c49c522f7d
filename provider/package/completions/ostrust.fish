# Completion of ostrust(1) for fish. What there is to complete is what --help says, so that nothing is said twice.

function __ostrust_help --description 'The verbs or options of ostrust, with what they do' --argument-names kind verb
    set --local tool (commandline --tokenize --current-process)[1]
    $tool $verb --help 2>/dev/null | awk -v kind=$kind '
        /^[A-Z][A-Za-z ]*:$/ { verbs = /^Subcommands:/; next }
        kind == "verbs" && verbs && /^  [a-z]/ { name = $1; $1 = ""; print name "\t" substr($0, 2) }
        kind == "options" && /^  -/ { n = split($1, names, ","); $1 = ""; if ($2 ~ /^[A-Z]+$/) $2 = ""
                                      sub(/^ *([.][.][.] |Excludes: --[a-z]+ )?/, ""); for (i = 1; i <= n; i++) print names[i] "\t" $0 }'
end

function __ostrust_verb --description 'The verb on the command line'
    for word in (commandline --tokenize --current-process --cut-at-cursor)[2..]
        if not string match --quiet -- '-*' $word
            echo $word
            return 0
        end
    end
    return 1
end

function __ostrust_command --description 'Whether a command of its own follows --'
    contains -- -- (commandline --tokenize --current-process --cut-at-cursor)
end

function __ostrust_complete_command --description 'What the command behind -- would be completed with'
    set --local words (commandline --tokenize --current-process --cut-at-cursor)
    set --erase words[1..(contains --index -- -- $words)]
    complete --do-complete (string join ' ' -- (string escape -- $words) (commandline --current-token --cut-at-cursor))
end

function __ostrust_before --description 'The word before the one that is completed'
    set --local words (commandline --tokenize --current-process --cut-at-cursor)
    test (count $words) -gt 1; and test "$words[-1]" = "$argv[1]"
end

complete --command ostrust --condition 'not __ostrust_verb >/dev/null' --no-files --arguments '(__ostrust_help verbs)'
complete --command ostrust --condition 'not __ostrust_command; and not __ostrust_before --program' \
    --arguments '(__ostrust_help options (__ostrust_verb))'
complete --command ostrust --condition '__ostrust_before --program' --no-files --arguments '(__fish_complete_command)'
complete --command ostrust --condition __ostrust_command --no-files --arguments '(__ostrust_complete_command)'
