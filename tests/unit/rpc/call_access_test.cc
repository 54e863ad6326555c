#include "server/rpc/call_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "likeness/v1/face_verification_service.pb.h"
#include "likeness/v1/model_service.pb.h"
#include "likeness/v1/training_service.pb.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

TEST(CallAccessTest, KnowsAScopeForEveryMethodOfTheContract) {
  const auto access = Access::Open();
  const grpc::ServerContext context;
  for (const google::protobuf::Descriptor* message :
       {v1::VerifyRequest::descriptor(), v1::ListModelsRequest::descriptor(), v1::TrainRequest::descriptor()}) {
    const google::protobuf::FileDescriptor& file = *message->file();
    ASSERT_EQ(file.service_count(), 1) << file.name();
    for (int i = 0; i < file.service(0)->method_count(); ++i) {
      const std::string method = file.service(0)->method(i)->name();
      EXPECT_THAT(AuthorizeCall(context, method, *access), IsOk()) << method;
    }
  }
}

TEST(CallAccessTest, LetsNobodyCallWhatHasNoScope) {
  const auto access = Access::Open();
  EXPECT_THAT(AuthorizeCall(grpc::ServerContext(), "Forgotten", *access), FailsWith(Reason::INTERNAL));
}

}  // namespace
}  // namespace likeness
