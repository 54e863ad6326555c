#include "server/rpc/call_admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/time/clock.h"
#include "likeness/v1/face_verification_service.pb.h"
#include "likeness/v1/gallery_service.pb.h"
#include "likeness/v1/model_service.pb.h"
#include "likeness/v1/training_service.pb.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

TEST(CallAdmissionTest, KnowsAScopeForEveryMethodOfTheContract) {
  const auto access = Access::Open();
  CallAdmission admission(*access, {}, absl::Now);
  const grpc::ServerContext context;
  for (const google::protobuf::Descriptor* message :
       {v1::VerifyRequest::descriptor(), v1::ExportPersonRequest::descriptor(), v1::ListModelsRequest::descriptor(),
        v1::TrainRequest::descriptor()}) {
    const google::protobuf::FileDescriptor& file = *message->file();
    ASSERT_EQ(file.service_count(), 1) << file.name();
    for (int i = 0; i < file.service(0)->method_count(); ++i) {
      const std::string method = file.service(0)->method(i)->name();
      EXPECT_THAT(admission.Admit(context, method), IsOk()) << method;
    }
  }
}

TEST(CallAdmissionTest, LetsNobodyCallWhatHasNoScope) {
  const auto access = Access::Open();
  CallAdmission admission(*access, {}, absl::Now);
  EXPECT_THAT(admission.Admit(grpc::ServerContext(), "Forgotten"), FailsWith(Reason::INTERNAL));
}

}  // namespace
}  // namespace likeness
