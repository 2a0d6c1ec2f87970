#pragma once

/// What DCMTK has one of in a process; nothing of it in a build without DCMTK.
namespace vidgen::video {

/// Sets DCMTK up once. It prints nothing, as it might name what is in the file.
void prepare_dcmtk();

/// Whether DCMTK mentioned damage in this thread, in which it decodes, since forget_damage(): it
/// only logs it, and goes on.
bool heard_damage();
void forget_damage();

}  // namespace vidgen::video
