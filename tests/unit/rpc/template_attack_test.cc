// The attacks on enrolled faces that docs/security.md speaks of, by a caller who may put any embedding it likes in
// front of the service: a photo here is the number of a vector. A hundred people each; what a caller may hear, and
// whether mismatches are bounded, is what differs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/verification/distance.h"
#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

constexpr int kSize = 192;  // numbers in an embedding, as the default network's
constexpr int kPeople = 100;
constexpr double kThreshold = 1;  // strangers are √2 apart, give or take 0.05
using Vector = std::vector<float>;

class TemplateAttackTest : public FaceVerificationFixture {
 protected:
  TemplateAttackTest() {
    embedder_.embed = [this](const Picture& crop) -> absl::StatusOr<Vector> {
      const Colour number = ColourAt(crop, 0, 0);
      return vectors_[(number.red << 16) + (number.green << 8) + number.blue];
    };
    const Generation measured{std::shared_ptr<const Embedder>(std::shared_ptr<void>(), &embedder_),
                              Threshold{.distance = kThreshold,
                                        .source = ThresholdSource::kOperatingPoint,
                                        .point = MeasuredPoint(1e-4, kThreshold)}};
    EXPECT_THAT(active_.Replace(measured, [] { return absl::OkStatus(); }), IsOk());
    options_.enrolling.duplicates = DuplicatePolicy::kOff;
    UseBudget({});
    for (int person = 0; person < kPeople; ++person) {
      templates_.push_back(Direction());
      v1::EnrollRequest request;
      request.set_person_id(absl::StrCat(person));
      request.add_photos(PhotoOf(templates_.back()));
      v1::EnrollResponse response;
      EXPECT_THAT(methods_->Enroll(request, Trusted(), Wanted, response), IsOk());
    }
  }

  // The methods, with mismatches bounded like that.
  void UseBudget(const MismatchLimits& limits) {
    methods_.reset();
    budget_in_use_ = std::make_unique<MismatchBudget>(limits, nullptr, [this] { return now_; });
    methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, *budget_in_use_, metrics_, options_);
  }

  Vector Direction() {
    std::normal_distribution<float> normal;
    Vector values(kSize);
    for (float& value : values) value = normal(random_);
    return Unit(std::move(values));
  }
  static Vector Unit(Vector values) {
    float squares = 0;
    for (const float value : values) squares += value * value;
    for (float& value : values) value /= std::sqrt(squares);
    return values;
  }
  Vector Near(const Vector& values, float step) {
    Vector other = Direction();
    for (int i = 0; i < kSize; ++i) other[i] = values[i] + step * other[i];
    return Unit(std::move(other));
  }

  // The one photo there is of the vector; those before are forgotten once there are many.
  std::string PhotoOf(const Vector& vector) {
    constexpr size_t kKept = 1 << 16;
    if (vectors_.size() < kKept) {
      vectors_.push_back(vector);
      next_ = vectors_.size() - 1;
    } else {
      next_ = (next_ + 1) % kKept;
      vectors_[next_] = vector;
    }
    return likeness::PhotoOf(
        {static_cast<uint8_t>(next_ >> 16), static_cast<uint8_t>(next_ >> 8), static_cast<uint8_t>(next_)});
  }

  // Ten calls a second. What the attacker hears; nothing where it is refused.
  std::optional<v1::VerifyResponse> Ask(const Caller& caller, int person, const Vector& guess) {
    now_ += absl::Milliseconds(100);
    v1::VerifyRequest request;
    request.set_person_id(absl::StrCat(person));
    request.set_photo(PhotoOf(guess));
    v1::VerifyResponse response;
    if (!methods_->Verify(request, caller, Wanted, response).ok()) return std::nullopt;
    return response;
  }

  bool Found(int person, const Vector& guess) const {
    return EuclideanDistance(guess, templates_[person]) <= kThreshold;
  }

  // Between unit vectors, d² = 2 − 2 x·t for each guess x: as many equations as an embedding has numbers give t.
  int SolveFor(const Caller& caller) {
    int found = 0;
    for (int person = 0; person < kPeople; ++person) {
      std::vector<Vector> guesses;
      std::vector<float> cosines;
      for (int call = 0; call < 3 * kSize; ++call) {
        const Vector guess = Direction();
        const std::optional<v1::VerifyResponse> heard = Ask(caller, person, guess);
        if (!heard.has_value() || !heard->has_distance()) continue;
        guesses.push_back(guess);
        cosines.push_back(static_cast<float>(1 - heard->distance() * heard->distance() / 2));
      }
      Eigen::MatrixXf x(guesses.size(), kSize);
      for (size_t i = 0; i < guesses.size(); ++i)
        x.row(i) = Eigen::Map<const Eigen::RowVectorXf>(guesses[i].data(), kSize);
      const Eigen::Map<const Eigen::VectorXf> y(cosines.data(), static_cast<Eigen::Index>(cosines.size()));
      // With too few equations: the smallest solution, which is the best guess.
      Vector solution(kSize, 0);
      if (!guesses.empty())
        Eigen::Map<Eigen::VectorXf>(solution.data(), kSize) = x.completeOrthogonalDecomposition().solve(y);
      found += Found(person, Unit(std::move(solution))) ? 1 : 0;
    }
    return found;
  }

  // From a stranger's face, step by step: by the distance where it is told, otherwise by the verdict.
  int ClimbFor(const Caller& caller, int calls, int people) {
    int found = 0;
    for (int person = 0; person < people; ++person) {
      Vector best = Direction();
      double least = 9;
      for (int call = 0; call < calls && !Found(person, best); ++call) {
        const Vector guess = Near(best, 0.3F);
        const std::optional<v1::VerifyResponse> heard = Ask(caller, person, guess);
        if (!heard.has_value()) continue;
        if (heard->has_distance() ? heard->distance() < least : heard->verified()) {
          best = guess;
          least = heard->distance();
        }
      }
      found += Found(person, best) ? 1 : 0;
    }
    return found;
  }

  const Caller door_ = {.name = "door", .limits = {}};
  const Caller trusted_ = {.name = "trusted", .scores = true, .limits = {}};
  std::mt19937 random_{11};
  std::vector<Vector> vectors_, templates_;
  size_t next_ = 0;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::unique_ptr<MismatchBudget> budget_in_use_;
};

// Otherwise the tests below prove nothing.
TEST_F(TemplateAttackTest, DistancesWithoutABudgetGiveEveryFaceAway) {
  EXPECT_EQ(SolveFor(trusted_), kPeople);
  EXPECT_GE(ClimbFor(trusted_, 4000, 20), 19);
}

TEST_F(TemplateAttackTest, NoFaceIsFoundByDistancesThatNobodyIsTold) { EXPECT_EQ(SolveFor(door_), 0); }

TEST_F(TemplateAttackTest, NoFaceIsFoundByDistancesOfTenMismatchesAnHour) {
  UseBudget(MismatchLimits::Standard());
  EXPECT_EQ(SolveFor(trusted_), 0);
}

// Without a budget, too: a verdict that is always no leads nowhere. What is left is trying many people's faces, which
// the budget bounds.
TEST_F(TemplateAttackTest, NoFaceIsFoundByVerdictsAlone) { EXPECT_EQ(ClimbFor(door_, 4000, 20), 0); }

TEST_F(TemplateAttackTest, NoneOfAHundredFacesIsFoundByTenThousandCallsEach) {
  UseBudget(MismatchLimits::Standard());
  EXPECT_EQ(SolveFor(door_), 0);
  EXPECT_EQ(ClimbFor(door_, 10'000, kPeople), 0);
}

}  // namespace
}  // namespace likeness
