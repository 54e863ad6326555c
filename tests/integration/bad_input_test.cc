// What bad input gets: a clear error with a stable reason, nothing enrolled, never `verified: true`.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "server/image/photo.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string PngChunk(const std::string& type, const std::string& content) {
  const std::string checked = type + content;
  const uLong checksum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return BigEndian(static_cast<uint32_t>(content.size())) + checked + BigEndian(static_cast<uint32_t>(checksum));
}

// A grey PNG whose header claims width×height and whose pixels are `rows`, each preceded by a filter byte.
std::string Png(uint32_t width, uint32_t height, const std::string& rows) {
  std::string packed(compressBound(static_cast<uLong>(rows.size())), '\0');
  uLongf size = static_cast<uLongf>(packed.size());
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
           static_cast<uLong>(rows.size()));
  packed.resize(size);
  const std::string header = BigEndian(width) + BigEndian(height) + std::string("\x08\x00\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1A\n" + PngChunk("IHDR", header) + PngChunk("IDAT", packed) + PngChunk("IEND", "");
}

// A JPEG whose frame header claims another size than its pixels have.
std::string JpegClaiming(uint16_t width, uint16_t height) {
  std::string jpeg = Photo("cage.jpg");
  size_t segment = 2;  // after the start of the image: marker (2), length (2), content
  const auto byte = [&jpeg](size_t at) { return static_cast<uint8_t>(jpeg.at(at)); };
  while (byte(segment + 1) != 0xC0 && byte(segment + 1) != 0xC2) {  // baseline or progressive frame
    segment += 2 + (byte(segment + 2) << 8 | byte(segment + 3));
  }
  // A frame's content: precision (1), height (2), width (2).
  jpeg.replace(segment + 5, 4, BigEndian(static_cast<uint32_t>(height) << 16 | width));
  return jpeg;
}

// Two people side by side in one PPM.
std::string TwoFaces() {
  const Picture left = *DecodePhoto(Photo("cage.jpg"), {});
  const Picture right = *DecodePhoto(Photo("audrey.jpg"), {});
  const int width = left.width + right.width;
  const int height = std::max(left.height, right.height);
  std::string pixels(static_cast<size_t>(width * height * 3), '\0');
  for (const auto& [picture, offset] : {std::pair{&left, 0}, {&right, left.width}}) {
    for (int y = 0; y < picture->height; ++y) {
      std::copy_n(picture->rgb.begin() + y * picture->width * 3, picture->width * 3,
                  pixels.begin() + (y * width + offset) * 3);
    }
  }
  return "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n" + pixels;
}

struct BadPhoto {
  const char* name;
  std::string bytes;
  const char* reason;
};

std::vector<BadPhoto> BadPhotos() {
  const std::string jpeg = Photo("cage.jpg");
  return {
      {"empty bytes", "", "PHOTO_EMPTY"},
      {"a truncated JPEG", jpeg.substr(0, jpeg.size() / 2), "PHOTO_CORRUPT"},
      {"a JPEG's first three bytes", jpeg.substr(0, 3), "PHOTO_CORRUPT"},
      {"a 1x1 PNG", Png(1, 1, std::string(2, '\0')), "PHOTO_TOO_SMALL"},
      {"a PNG header that claims 65535x65535", Png(65535, 65535, std::string(100, '\0')), "PHOTO_TOO_LARGE"},
      {"a JPEG header that claims 65535x65535", JpegClaiming(65535, 65535), "PHOTO_TOO_LARGE"},
      {"a PNG with fewer rows than it claims", Png(64, 64, std::string(65 * 10, '\0')), "PHOTO_CORRUPT"},
      {"text", "This is not a photo, however long one looks at it.", "PHOTO_FORMAT_UNSUPPORTED"},
      {"a GIF", std::string("GIF89a\x01\x00\x01\x00\x00\x00\x00;", 14), "PHOTO_FORMAT_UNSUPPORTED"},
      {"11 MiB of JPEG", jpeg + std::string(11 << 20, '\0'), "PHOTO_TOO_LARGE"},
      {"no face", Photo("ironman.jpg"), "FACE_NOT_FOUND"},
      {"a mask", Photo("skullmask.jpg"), "FACE_NOT_FOUND"},
      {"a painting", Photo("scream_crop.jpg"), "FACE_NOT_FOUND"},
      {"a Guy Fawkes mask", Photo("vendetta.jpg"), "FACE_NOT_FOUND"},
      {"several faces", TwoFaces(), "SEVERAL_FACES"},
  };
}

// The google.rpc details of an error.
template <typename Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  Detail detail;
  for (const google::protobuf::Any& any : details.details()) any.UnpackTo(&detail);
  return detail;
}

std::string ReasonOf(const grpc::Status& status) {
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  return info.domain() == "likeness" ? info.reason() : "";
}

std::string FieldOf(const grpc::Status& status) {
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  return bad_request.field_violations_size() == 1 ? bad_request.field_violations(0).field() : "";
}

// One server for all cases, with one person enrolled, so that a crash in any case fails those after it too.
class BadInputTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    auto started = ServerProcess::Start({.folder = folder_->path(), .flags = {}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = started->release();
    stub_ = server_->Stub().release();
    v1::EnrollRequest request;
    request.set_person_id("cage");
    request.add_photos(Photo("cage.jpg"));
    v1::EnrollResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(stub_->Enroll(&context, request, &response).ok());
  }

  static void TearDownTestSuite() {
    server_->Terminate();
    EXPECT_EQ(server_->Wait(), 0) << server_->Log();
    delete stub_;
    delete server_;
    delete folder_;
  }

  // After every case: the gallery is as it was, and the server still tells right from wrong.
  void TearDown() override {
    EXPECT_EQ(server_->Metric("likeness_gallery_persons"), 1);
    EXPECT_EQ(server_->Metric("likeness_gallery_references"), 1);
    v1::VerifyResponse response;
    EXPECT_TRUE(Verify("cage", Photo("cage2_crop.jpg"), &response).ok());
    EXPECT_TRUE(response.verified());
  }

  static grpc::Status Verify(const std::string& person, const std::string& photo, v1::VerifyResponse* response) {
    v1::VerifyRequest request;
    request.set_person_id(person);
    request.set_photo(photo);
    return Verify(request, response);
  }

  static grpc::Status Verify(const v1::VerifyRequest& request, v1::VerifyResponse* response) {
    grpc::ClientContext context;
    return stub_->Verify(&context, request, response);
  }

  static grpc::Status Enroll(const v1::EnrollRequest& request) {
    grpc::ClientContext context;
    v1::EnrollResponse response;
    return stub_->Enroll(&context, request, &response);
  }

  static v1::EnrollRequest EnrollRequestFor(const std::string& person, const std::string& photo) {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.add_photos(photo);
    return request;
  }

  static TemporaryFolder* folder_;
  static ServerProcess* server_;
  static v1::FaceVerificationService::Stub* stub_;
};

TemporaryFolder* BadInputTest::folder_ = nullptr;
ServerProcess* BadInputTest::server_ = nullptr;
v1::FaceVerificationService::Stub* BadInputTest::stub_ = nullptr;

TEST_F(BadInputTest, VerifyRefusesEveryBadPhotoWithItsReason) {
  for (const BadPhoto& bad : BadPhotos()) {
    SCOPED_TRACE(bad.name);
    v1::VerifyResponse response;
    const grpc::Status status = Verify("cage", bad.bytes, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_EQ(ReasonOf(status), bad.reason) << status.error_message();
    EXPECT_EQ(FieldOf(status), "photo");
    EXPECT_FALSE(response.verified());
  }
}

TEST_F(BadInputTest, CompareRefusesEveryBadPhotoAndNamesIt) {
  for (const BadPhoto& bad : BadPhotos()) {
    SCOPED_TRACE(bad.name);
    v1::CompareRequest request;
    request.set_photo_a(Photo("cage.jpg"));
    request.set_photo_b(bad.bytes);
    grpc::ClientContext context;
    v1::CompareResponse response;
    const grpc::Status status = stub_->Compare(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_EQ(ReasonOf(status), bad.reason) << status.error_message();
    EXPECT_EQ(FieldOf(status), "photo_b");
    EXPECT_FALSE(response.verified());
  }
}

TEST_F(BadInputTest, EmbedRefusesEveryBadPhoto) {
  for (const BadPhoto& bad : BadPhotos()) {
    SCOPED_TRACE(bad.name);
    v1::EmbedRequest request;
    request.set_photo(bad.bytes);
    grpc::ClientContext context;
    v1::EmbedResponse response;
    const grpc::Status status = stub_->Embed(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_EQ(ReasonOf(status), bad.reason) << status.error_message();
  }
}

TEST_F(BadInputTest, EnrollTakesNothingWhenOneOfItsPhotosIsBad) {
  for (const BadPhoto& bad : BadPhotos()) {
    SCOPED_TRACE(bad.name);
    if (bad.bytes.size() > 8 << 20) continue;  // beside another photo it is over the message limit, tested below
    v1::EnrollRequest request = EnrollRequestFor("newcomer", Photo("audrey.jpg"));
    request.add_photos(bad.bytes);
    const grpc::Status status = Enroll(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_EQ(ReasonOf(status), bad.reason) << status.error_message();
    EXPECT_EQ(FieldOf(status), "photos[1]");
    EXPECT_EQ(server_->Metric("likeness_gallery_persons"), 1);
  }
}

TEST_F(BadInputTest, AnUnknownPersonIsNotFound) {
  v1::VerifyResponse response;
  const grpc::Status status = Verify("nobody", Photo("cage.jpg"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "PERSON_NOT_FOUND");
}

TEST_F(BadInputTest, AnUnusablePersonIdIsNamed) {
  for (const std::string& id : {std::string(), std::string(10 * 1024, 'x'), std::string("a\0b", 3)}) {
    SCOPED_TRACE(id.size());
    v1::VerifyResponse response;
    for (const grpc::Status& status :
         {Verify(id, Photo("cage.jpg"), &response), Enroll(EnrollRequestFor(id, Photo("cage.jpg")))}) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_EQ(ReasonOf(status), "FIELD_INVALID");
      EXPECT_EQ(FieldOf(status), "person_id");
    }
  }
}

// Earlier versions let such ids in, so that they can still be asked for.
TEST_F(BadInputTest, ANewIdHasNoControlCharacters) {
  const grpc::Status refused = Enroll(EnrollRequestFor("a\nb", Photo("cage.jpg")));
  EXPECT_EQ(ReasonOf(refused), "FIELD_INVALID");
  EXPECT_EQ(FieldOf(refused), "person_id");
  v1::VerifyResponse response;
  EXPECT_EQ(ReasonOf(Verify("a\nb", Photo("cage.jpg"), &response)), "PERSON_NOT_FOUND");
}

TEST_F(BadInputTest, AMessageOfSeventeenMebibytesIsRefused) {
  v1::VerifyResponse response;
  const grpc::Status status = Verify("cage", std::string(17 << 20, '\0'), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("larger than max"));
}

TEST_F(BadInputTest, AMaxDistanceThatIsNoPositiveNumberIsRefused) {
  for (double max_distance :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1.0, 0.0, -0.0}) {
    SCOPED_TRACE(max_distance);
    v1::VerifyRequest request;
    request.set_person_id("cage");
    request.set_photo(Photo("cage.jpg"));
    request.set_max_distance(max_distance);
    v1::VerifyResponse response;
    const grpc::Status status = Verify(request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ReasonOf(status), "FIELD_INVALID");
    EXPECT_EQ(FieldOf(status), "max_distance");
    EXPECT_FALSE(response.verified());
  }
}

TEST_F(BadInputTest, AnUnknownFacePolicyIsRefused) {
  v1::VerifyRequest request;
  request.set_person_id("cage");
  request.set_photo(Photo("cage.jpg"));
  request.set_face_policy(static_cast<v1::FacePolicy>(99));
  v1::VerifyResponse response;
  const grpc::Status status = Verify(request, &response);
  EXPECT_EQ(ReasonOf(status), "FIELD_INVALID");
  EXPECT_EQ(FieldOf(status), "face_policy");
}

TEST_F(BadInputTest, ARequestIdWithOtherContentIsRefused) {
  v1::EnrollRequest request = EnrollRequestFor("temporary", Photo("audrey.jpg"));
  request.set_request_id("once");
  ASSERT_TRUE(Enroll(request).ok());
  request.set_photos(0, Photo("cage.jpg"));
  const grpc::Status status = Enroll(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(status), "REQUEST_ID_REUSED");

  grpc::ClientContext context;
  v1::DeletePersonRequest remove;
  remove.set_person_id("temporary");
  v1::DeletePersonResponse removed;
  ASSERT_TRUE(stub_->DeletePerson(&context, remove, &removed).ok());
  EXPECT_EQ(removed.deleted_references(), 1);
}

TEST_F(BadInputTest, TooFewAndTooManyPhotosAreRefused) {
  v1::EnrollRequest request;
  request.set_person_id("newcomer");
  EXPECT_EQ(FieldOf(Enroll(request)), "photos");
  for (int i = 0; i < 17; ++i) request.add_photos(Photo("cage2_crop.jpg"));
  EXPECT_EQ(FieldOf(Enroll(request)), "photos");
}

TEST_F(BadInputTest, APageTokenOfSomebodyElseIsRefused) {
  v1::ListPersonsRequest request;
  request.set_page_token("!!!");
  grpc::ClientContext context;
  v1::ListPersonsResponse response;
  EXPECT_EQ(FieldOf(stub_->ListPersons(&context, request, &response)), "page_token");
}

TEST_F(BadInputTest, ADeadlineThatHasPassedIsNoVerdict) {
  v1::VerifyRequest request;
  request.set_person_id("cage");
  request.set_photo(Photo("cage.jpg"));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  v1::VerifyResponse response;
  EXPECT_EQ(stub_->Verify(&context, request, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_FALSE(response.verified());
}

TEST_F(BadInputTest, SeveralFacesAreFineWhenThePolicyChooses) {
  v1::EmbedRequest request;
  request.set_photo(TwoFaces());
  for (v1::FacePolicy policy : {v1::FACE_POLICY_LARGEST, v1::FACE_POLICY_MOST_CENTRAL}) {
    request.set_face_policy(policy);
    grpc::ClientContext context;
    v1::EmbedResponse response;
    EXPECT_TRUE(stub_->Embed(&context, request, &response).ok());
  }
}

}  // namespace
}  // namespace likeness
