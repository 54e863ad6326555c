#include "client/cli/person_commands.h"

#include <algorithm>
#include <memory>
#include <ostream>

#include "absl/strings/str_format.h"
#include "client/cli/photo_file.h"
#include "client/cli/quality_text.h"
#include "client/gallery_client.h"
#include "google/protobuf/util/time_util.h"

namespace likeness {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kPageSize = 1000;

struct EnrollOptions {
  std::string person_id;
  std::vector<std::string> photos;
  v1::FacePolicy face_policy = v1::FACE_POLICY_ONLY;
  std::string request_id;
  v1::QualityGate quality_gate = v1::QUALITY_GATE_UNSPECIFIED;
  bool validate_only = false;
  bool allow_mismatch = false;
  bool allow_duplicate = false;
};

struct PersonOptions {
  std::string person_id;
  std::string reference_id;
};

std::string References(int64_t count) { return absl::StrFormat("%d reference%s", count, count == 1 ? "" : "s"); }

// One line for each photo: the reference that was made of it, or the photo itself, and how good its face is.
void PrintPhotos(std::ostream& out, const EnrollOptions& options, const v1::EnrollResponse& response) {
  for (int i = 0; i < std::max(response.references_size(), response.faces_size()); ++i) {
    out << "  " << (i < response.references_size() ? response.references(i).reference_id() : options.photos.at(i));
    const v1::Face face = i < response.faces_size() ? response.faces(i) : v1::Face();
    const std::string quality = QualityText(face);
    out << (quality.empty() ? "" : "  ") << quality << TurnText(face) << '\n';
  }
}

absl::StatusOr<ExitCode> Enroll(Invocation& invocation, const EnrollOptions& options) {
  absl::StatusOr<std::vector<std::string>> photos = ReadPhotos(options.photos, invocation.console.in);
  if (!photos.ok()) return photos.status();
  v1::EnrollRequest request;
  request.set_person_id(options.person_id);
  for (std::string& photo : *photos) request.add_photos(std::move(photo));
  request.set_face_policy(options.face_policy);
  request.set_request_id(options.request_id);
  request.set_quality_gate(options.quality_gate);
  request.set_validate_only(options.validate_only);
  request.set_allow_mismatch(options.allow_mismatch);
  request.set_allow_duplicate(options.allow_duplicate);
  const absl::StatusOr<v1::EnrollResponse> response = Client(invocation.client_options).Enroll(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
    return kExitSuccess;
  }
  const char* what = options.validate_only  ? "could be enrolled, and was not: "
                     : response->replayed() ? "enrolled before by this request id: "
                                            : "enrolled: ";
  invocation.console.out << what << options.person_id << " has " << References(response->reference_count()) << '\n';
  PrintPhotos(invocation.console.out, options, *response);
  if (response->unchecked()) {
    invocation.console.err
        << "warning: nobody checked that the photos show one person, or who else is enrolled with this "
           "face: the server's model was not measured, so it has no threshold\n";
  }
  for (const v1::Duplicate& duplicate : response->duplicates()) {
    invocation.console.err << "warning: " << options.photos.at(static_cast<size_t>(duplicate.photo()))
                           << " is enrolled under another id already" << (duplicate.person_id().empty() ? "" : ": ")
                           << duplicate.person_id()
                           << (duplicate.has_distance() ? absl::StrFormat(" (distance %.3f)\n", duplicate.distance())
                                                        : "\n");
  }
  return kExitSuccess;
}

absl::StatusOr<ExitCode> ListPersons(Invocation& invocation) {
  Client client(invocation.client_options);
  v1::ListPersonsRequest request;
  request.set_page_size(kPageSize);
  v1::ListPersonsResponse all;
  do {
    absl::StatusOr<v1::ListPersonsResponse> page = client.ListPersons(request);
    if (!page.ok()) return page.status();
    request.set_page_token(page->next_page_token());
    all.mutable_persons()->MergeFrom(page->persons());
  } while (!request.page_token().empty());
  if (invocation.json) {
    invocation.PrintJson(all);
    return kExitSuccess;
  }
  for (const v1::Person& person : all.persons()) {
    invocation.console.out << person.person_id() << "  " << References(person.references_size()) << "  "
                           << TimeUtil::ToString(person.create_time()) << '\n';
  }
  return kExitSuccess;
}

absl::StatusOr<ExitCode> GetPerson(Invocation& invocation, const PersonOptions& options) {
  v1::GetPersonRequest request;
  request.set_person_id(options.person_id);
  const absl::StatusOr<v1::GetPersonResponse> response = Client(invocation.client_options).GetPerson(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
    return kExitSuccess;
  }
  const v1::Person& person = response->person();
  invocation.console.out << person.person_id() << ", enrolled " << TimeUtil::ToString(person.create_time()) << ", "
                         << References(person.references_size()) << '\n';
  for (const v1::Reference& reference : person.references()) {
    invocation.console.out << "  " << reference.reference_id() << "  " << TimeUtil::ToString(reference.create_time())
                           << "  model " << reference.model_digest().substr(0, 12) << '\n';
  }
  return kExitSuccess;
}

absl::StatusOr<ExitCode> ExportPerson(Invocation& invocation, const PersonOptions& options) {
  v1::ExportPersonRequest request;
  request.set_person_id(options.person_id);
  const absl::StatusOr<v1::ExportPersonResponse> response =
      GalleryClient(invocation.client_options).ExportPerson(request);
  if (!response.ok()) return response.status();
  invocation.PrintJson(*response);
  return kExitSuccess;
}

absl::StatusOr<ExitCode> DeleteReference(Invocation& invocation, const PersonOptions& options) {
  v1::DeleteReferenceRequest request;
  request.set_person_id(options.person_id);
  request.set_reference_id(options.reference_id);
  const absl::StatusOr<v1::DeleteReferenceResponse> response =
      Client(invocation.client_options).DeleteReference(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
  } else {
    invocation.console.out << "deleted: " << options.person_id << " has "
                           << References(response->remaining_references()) << " left\n";
  }
  return kExitSuccess;
}

absl::StatusOr<ExitCode> DeletePerson(Invocation& invocation, const PersonOptions& options) {
  v1::DeletePersonRequest request;
  request.set_person_id(options.person_id);
  const absl::StatusOr<v1::DeletePersonResponse> response = Client(invocation.client_options).DeletePerson(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
  } else {
    invocation.console.out << "deleted: " << options.person_id << " and " << References(response->deleted_references())
                           << '\n';
  }
  return kExitSuccess;
}

void AddEnroll(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("enroll", "Add photos of a person, who is created where necessary");
  auto options = std::make_shared<EnrollOptions>();
  command->add_option("PERSON", options->person_id, "Id of the person")->required();
  command->add_option("PHOTO", options->photos, "Photos; all are enrolled or none")->required();
  command->add_option("--request-id", options->request_id, "Makes the call safe to repeat, a UUID for example")
      ->type_name("ID");
  AddFaceOption(*command, options->face_policy);
  AddQualityGateOption(*command, options->quality_gate);
  command->add_flag("--validate-only", options->validate_only,
                    "Check everything that an enrolment checks, enrol nothing");
  command->add_flag("--allow-mismatch", options->allow_mismatch,
                    "Enrol faces also where they do not look like one person");
  command->add_flag("--allow-duplicate", options->allow_duplicate,
                    "Enrol a face also where it is enrolled under another id already");
  command->callback([&invocation, options] { invocation.exit_code = invocation.Finish(Enroll(invocation, *options)); });
}

}  // namespace

void AddPersonCommands(CLI::App& app, Invocation& invocation) {
  AddEnroll(app, invocation);

  CLI::App* persons = app.add_subcommand("persons", "List, show, export or delete enrolled persons");
  persons->require_subcommand(1);
  CLI::App* list = persons->add_subcommand("list", "List all persons in the order of their ids");
  list->callback([&invocation] { invocation.exit_code = invocation.Finish(ListPersons(invocation)); });

  auto options = std::make_shared<PersonOptions>();
  CLI::App* get = persons->add_subcommand("get", "Show a person and the person's references");
  get->add_option("PERSON", options->person_id, "Id of the person")->required();
  get->callback([&invocation, options] { invocation.exit_code = invocation.Finish(GetPerson(invocation, *options)); });

  CLI::App* give = persons->add_subcommand("export", "Write all that is held on a person, as JSON; crops in base64");
  give->add_option("PERSON", options->person_id, "Id of the person")->required();
  give->callback(
      [&invocation, options] { invocation.exit_code = invocation.Finish(ExportPerson(invocation, *options)); });

  CLI::App* remove = persons->add_subcommand("delete", "Delete a person and all references, or one reference only");
  remove->add_option("PERSON", options->person_id, "Id of the person")->required();
  CLI::Option* reference =
      remove->add_option("--reference", options->reference_id, "Delete this reference only")->type_name("ID");
  remove->callback([&invocation, options, reference] {
    // An empty id, as from an unset variable, must not widen the deletion to the whole person.
    const bool one_reference = reference->count() > 0;
    invocation.exit_code =
        invocation.Finish(one_reference ? DeleteReference(invocation, *options) : DeletePerson(invocation, *options));
  });
}

}  // namespace likeness
