# Completion of ostrust(1) for bash. What there is to complete is what --help says, so that nothing is said twice.

# The words of the given column (1: verbs, 2: options) of `ostrust [VERB] --help`.
_ostrust_words() {
    local kind=$1
    shift
    "$@" --help 2>/dev/null | awk -v kind="$kind" '
        /^[A-Z][A-Za-z ]*:$/ { verbs = /^Subcommands:/; next }
        kind == "verbs" && verbs && /^  [a-z]/ { print $1 }
        kind == "options" && /^  -/ { n = split($1, names, ","); for (i = 1; i <= n; i++) print names[i] }
        kind == "values" && /^  -/ && $2 ~ /^[A-Z]+$/ { n = split($1, names, ","); for (i = 1; i <= n; i++) print names[i] }'
}

_ostrust() {
    local tool=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) # a command of its own
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                mapfile -t COMPREPLY < <(compgen -c -- "$word")
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
            fi
            return
            ;;
        -*) ;;
        *) [ -n "$verb" ] || verb=${COMP_WORDS[i]} ;;
        esac
    done
    if [ -z "$verb" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_ostrust_words verbs "$tool") $(_ostrust_words options "$tool")" -- "$word")
    elif [ "$before" = --program ]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
    elif _ostrust_words values "$tool" "$verb" | grep -qxFe "$before"; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_ostrust_words options "$tool" "$verb")" -- "$word")
        [ "$verb" != run ] || [[ -- != "$word"* ]] || COMPREPLY+=(--)
    fi
}

complete -o default -F _ostrust ostrust
