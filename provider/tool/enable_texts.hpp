// The texts that `ostrust enable` reads and writes: functions of them and of a tree of files, which
// change nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "provider/tool/configuration.hpp"
#include "provider/tool/enable_files.hpp"
#include "provider/tool/enable_record.hpp"
#include "provider/tool/run_configuration.hpp"

namespace ostrust::tool {

/// A line of a configuration file that includes the absolute path `path`.
struct IncludeLine {
  std::size_t begin = 0;  // of the line in the text
  std::size_t end = 0;    // after its line feed
  std::string path;
  /// What is included may open sections: the next line that says anything begins one, or there is
  /// none. In openSUSE's [engine_section] it may not: what follows the first include belongs there.
  bool may_open_sections = false;
};

/// Lines with variables or escapes in the path are left out, nobody can put a file there.
std::vector<IncludeLine> IncludeLines(const std::string& text);

/// The files that OpenSSL reads in an included directory: *.cnf and *.conf.
std::vector<std::string> IncludedFiles(const FileTree& tree, const std::string& directory);

/// `text` with each include of a directory in which one of `ours` would be replaced by includes of
/// the other files there; after them `added`, if `ours` is where `added` is to be.
std::string WithoutOurs(const std::string& text, const FileTree& tree,
                        const std::vector<std::string>& ours, const std::string& dropped_in = {},
                        const std::string& added = {});

/// The name of a file for us in a directory that is meant for such; empty when there is none.
std::string DropInPath(const std::string& text, const FileTree& tree);

/// Empty, or why nothing can be added to this configuration safely: a sentence about `file`.
std::string NotUnderstood(const Sections& sections, const std::string& file);

/// Empty, or what `after` says otherwise than `before`, beside what AddedText() adds to it.
std::string WhatChanged(const Sections& before, const Sections& after, const RunConfiguration& run);

/// "/etc/environment:3" for each line that sets OPENSSL_CONF for many programs, in files that are
/// not in `ours`. `home`: of the user in question, in `tree`; empty for the system.
std::vector<std::string> WhoSetsOpensslConf(const FileTree& tree, const std::string& home,
                                            const std::vector<std::string>& ours);

/// The configuration file that OPENSSL_CONF is to name.
std::string OwnConfigurationText(const RunConfiguration& run);

/// The files that set OPENSSL_CONF to `configuration`, where there is somebody who reads them.
std::vector<RecordedFile> SystemEnvironment(const FileTree& tree, const std::string& configuration);
std::vector<RecordedFile> UserEnvironment(const FileTree& tree, const std::string& configuration);

}  // namespace ostrust::tool
