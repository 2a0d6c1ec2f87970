#pragma once

#include "executor.h"
#include "vidgen/infer/int8.h"

namespace vidgen::infer {

/// Makes the steps of an Executor for a plan of which `layers` are in eight bits: those themselves,
/// and the ones before them that hand on uint8. On the CPU only; `setting` is the executor's, for
/// the layers that stay in floating point. Uint8 stays uint8 from one such layer to the next.
StepMaker int8_steps(QuantizedLayers layers, const Setting& setting);

}  // namespace vidgen::infer
