// What `ostrust enable` is about to do: what there is, and which files are to say what then.
// Changes nothing. For one thread.
#pragma once

#include <string>
#include <vector>

#include "provider/tool/configuration.hpp"
#include "provider/tool/enable.hpp"
#include "provider/tool/enable_place.hpp"
#include "provider/tool/enable_record.hpp"
#include "provider/tool/run_configuration.hpp"

namespace ostrust::tool {

enum class Method { kDropIn, kEnvironment, kEdit };

struct Plan {
  // What there is: Gather().
  std::string libcrypto;
  std::string distribution;       // its configuration file, as programs name it; empty: none
  std::string distribution_path;  // the same without links, in the root
  std::string raw;                // its text, without a block of ours
  std::string before;             // the same without the inclusion of files of ours
  Sections sections;              // what `before` says
  RunConfiguration run;

  // What is to be: Choose().
  Method method = Method::kEnvironment;
  std::string after;  // `before` with ostrust in it, for a trial
  std::vector<RecordedFile> files;
  std::vector<std::string> notes;
};

/// Reads what there is. Throws a Refusal where something is missing or is not understood.
Plan Gather(const EnableOptions& options, const Place& place, const EnableRecord& record);

/// Decides where and how. Throws a Refusal where there is no way, or another configuration is named
/// already, which wins.
void Choose(const EnableOptions& options, const Place& place, const EnableRecord& record,
            Plan& plan);

}  // namespace ostrust::tool
