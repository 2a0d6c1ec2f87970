#pragma once

#include <string>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/core/json.h"

/// Where a compressed file comes from: each pass over a generator leaves one entry in
/// Checkpoint::passes.
namespace vidgen::checkpoint {

/// Adds {"pass": name, "options": options, "source": file name, "source_sha1": 40 hexadecimal
/// digits} for the file that checkpoint.path names now, so call it before the path becomes that of
/// the result. Forgets the run's best score, which another generator had. Throws vidgen::Error when
/// the file cannot be read.
void add_pass(Checkpoint& checkpoint, const std::string& name, core::Json options);

}  // namespace vidgen::checkpoint
