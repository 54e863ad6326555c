// What a face's photo was like, in words.
#ifndef LIKENESS_CLIENT_CLI_QUALITY_TEXT_H_
#define LIKENESS_CLIENT_CLI_QUALITY_TEXT_H_

#include <string>

#include "CLI/CLI.hpp"
#include "likeness/v1/types.pb.h"

namespace likeness {

// The score and what could be better: "quality 0.84", or "quality 0.31: too few pixels, blurred". Empty for a face that
// was not assessed.
std::string QualityText(const v1::Face& face);

// How far the server turned the photo to see the face upright: ", photo turned by 90 degrees clockwise". Empty where it
// stood upright.
std::string TurnText(const v1::Face& face);

// Add --quality-gate, of references, or --probe-gate, with off|standard|strict to a command; unspecified where it is
// not given. `gate` must outlive the parsing.
void AddQualityGateOption(CLI::App& command, v1::QualityGate& gate);
void AddProbeGateOption(CLI::App& command, v1::QualityGate& gate, const std::string& description);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_QUALITY_TEXT_H_
