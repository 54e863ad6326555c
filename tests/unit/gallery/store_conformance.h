// What every Store promises (server/gallery/store.h), as tests that any store can be run through:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformanceTest, testing::Values(&MakeSqliteStore));
//
// in a program that also compiles store_conformance.cc and store_concurrency_conformance.cc.
#ifndef LIKENESS_TESTS_UNIT_GALLERY_STORE_CONFORMANCE_H_
#define LIKENESS_TESTS_UNIT_GALLERY_STORE_CONFORMANCE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/gallery/store.h"

namespace likeness {

// Makes an empty store; null, with a message, where that cannot be done on this machine.
using StoreFactory = std::unique_ptr<Store> (*)();

class StoreConformanceTest : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override {
    if (store_ == nullptr) GTEST_SKIP() << "there is no such store on this machine";
  }

  const std::unique_ptr<Store> store_ = GetParam()();
};

ModelDigest ModelNamed(uint8_t name);
ContentDigest ContentNamed(uint8_t name);

// A reference whose embedding is {value, -value}.
ReferenceEmbedding ReferenceNamed(const std::string& reference_id, float value = 1);

// An enrolment without a request_id, at 2026-01-02 03:04:05.678901 UTC.
Enrolment EnrolmentOf(const std::string& person_id, std::vector<ReferenceEmbedding> references);
// One that is remembered.
Enrolment EnrolmentOf(const std::string& person_id, std::vector<ReferenceEmbedding> references,
                      const std::string& request_id, uint8_t content);
absl::Time EnrolmentTime();

// The ids of references, with or without their embeddings.
template <typename Reference>
std::vector<std::string> IdsOf(const std::vector<Reference>& references) {
  std::vector<std::string> ids;
  for (const Reference& reference : references) ids.push_back(reference.reference_id);
  return ids;
}

// A DeletionResult of so many references.
MATCHER_P(HasReferences, references, "") {
  *result_listener << "which has " << arg.references << " references";
  return arg.references == references;
}

// A GallerySize of so many persons and references.
MATCHER_P2(HasSize, persons, references, "") {
  *result_listener << "which has " << arg.persons << " persons and " << arg.references << " references";
  return arg.persons == persons && arg.references == references;
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_GALLERY_STORE_CONFORMANCE_H_
