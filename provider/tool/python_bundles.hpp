// The lists of CA certificates that Python packages carry.
#pragma once

#include <string>
#include <vector>

#include "provider/tool/program.hpp"

namespace ostrust::tool {

/// The files cacert.pem of certifi and of pip's copy of it that `program`, a CPython, would find;
/// empty for other programs. The interpreter is started for a moment, isolated (python -I): nothing
/// of the working directory or the environment is loaded, nor the packages themselves.
std::vector<std::string> PythonBundles(const Program& program);

}  // namespace ostrust::tool
