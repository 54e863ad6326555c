#include "server/trainings/training_jobs.h"

#include <google/protobuf/util/time_util.h>
#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/files/files.h"
#include "server/hashing/random_id.h"
#include "server/ids/check_id.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"
#include "server/training/people_split.h"
#include "server/trainings/head_run.h"
#include "server/trainings/training_config.h"

namespace likeness {
namespace {

constexpr int kPairsPerPhoto = 10;
constexpr int64_t kBytesOfPair = 24;  // see evaluation.h
constexpr int64_t kLeastCopiesOfWeights = 3;
constexpr int kMostCrashes = 2;  // after which a training is the likely cause

absl::Status NotFound() { return MakeError(Reason::TRAINING_NOT_FOUND, "the server has no training of this id"); }
absl::Status Cancelled() { return MakeError(Reason::CANCELLED, "the training was cancelled"); }
absl::Status Interrupted() { return MakeError(Reason::SHUTTING_DOWN, "the server ends"); }

google::protobuf::Timestamp Now() {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(absl::Now()));
}

void Shorten(v1::Evaluation& evaluation) {
  evaluation.clear_genuine_histogram();
  evaluation.clear_impostor_histogram();
  evaluation.clear_examples();
}

void Shorten(v1::Training& training) {
  training.clear_epochs();
  if (training.has_data()) {
    training.mutable_data()->clear_rejections();
    training.mutable_data()->clear_findings();
  }
  if (training.has_before()) Shorten(*training.mutable_before());
  if (training.has_after()) Shorten(*training.mutable_after());
}

// glibc keeps what a training had, in pieces too small to be of use to the next.
void GiveMemoryBack() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

// As the metrics call it.
const char* OutcomeOf(const v1::Training& ended) {
  if (ended.state() == v1::TRAINING_STATE_SUCCEEDED) return "succeeded";
  return ended.state() == v1::TRAINING_STATE_CANCELLED ? "cancelled" : "failed";
}

// As RandomId() makes them, which name the folders of trainings.
bool IsRandomId(absl::string_view name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == name.npos;
}

// The file itself, as large as the faces, is not kept.
absl::StatusOr<std::vector<TrainingFace>> ReadFaces(const std::string& path) {
  const absl::StatusOr<std::string> file = ReadWholeFile(path);
  if (!file.ok()) return file.status();
  return DecodeFaces(*file);
}

// What a training has beside its network: the crops, once as they were read and once for the network or the strangers'
// evaluation, and a distance for each pair of strangers' photos.
int64_t BytesOfTraining(const std::vector<TrainingFace>& faces) {
  int64_t crops = 0;
  int64_t strangers = 0;
  for (const TrainingFace& face : faces) {
    crops += static_cast<int64_t>(face.crop.rgb.size());
    strangers += face.stranger ? 1 : 0;
  }
  return 2 * crops + kBytesOfPair * strangers * strangers / 2;
}

absl::Status TooSmall(absl::string_view why) { return MakeError(Reason::TRAINING_DATA_TOO_SMALL, why); }

}  // namespace

bool TrainingJobs::HasEnded(const v1::Training& training) {
  return training.state() != v1::TRAINING_STATE_QUEUED && training.state() != v1::TRAINING_STATE_RUNNING;
}

TrainingJobs::Upload::Upload(TrainingJobs& jobs, v1::TrainingConfig config, BundleManifest base)
    : jobs_(jobs), config_(std::move(config)), base_(std::move(base)) {}

absl::Status TrainingJobs::Upload::Add(const v1::LabelledPhoto& photo, StillWanted still_wanted) {
  const int index = photos_++;
  bytes_ += static_cast<int64_t>(photo.photo().size());
  if (photos_ > jobs_.limits_.max_photos || bytes_ > jobs_.limits_.max_bytes) {
    return MakeError(Reason::TRAINING_DATA_TOO_LARGE,
                     absl::StrCat("a training takes at most ", jobs_.limits_.max_photos, " photos and ",
                                  jobs_.limits_.max_bytes, " bytes"));
  }
  if (absl::Status status = CheckId("photo.person", photo.person(), kNewId); !status.ok()) return status;
  hasher_.Add(photo.person());
  hasher_.Add(photo.photo());
  absl::StatusOr<Picture> crop;
  const absl::Status ran =
      jobs_.preparations_.Run([&] { crop = jobs_.work_.Crop(base_, photo.photo(), still_wanted); });
  if (!ran.ok()) return ran;
  if (!crop.ok()) return crop.status();
  faces_.push_back({.photo_index = index, .person = 0, .stranger = false, .crop = *std::move(crop)});
  labels_.push_back(photo.person());
  return absl::OkStatus();
}

absl::StatusOr<std::string> TrainingJobs::Upload::Finish() {
  if (faces_.empty()) return TooSmall("no photo can be used");
  const std::set<std::string> people(labels_.begin(), labels_.end());
  if (people.size() < 2) return TooSmall("a training needs two people or more");
  const absl::StatusOr<PeopleSplit> split =
      config_.held_out_people().empty()
          ? HoldOutShare(people, config_.held_out_share(), config_.seed())
          : HoldOutPeople(people, {config_.held_out_people().begin(), config_.held_out_people().end()});
  if (!split.ok()) return split.status();

  std::map<std::string, int> numbers;
  for (const std::string& person : people) numbers.emplace(person, static_cast<int>(numbers.size()));
  std::map<std::string, int> photos_of;
  int trained_on = 0;
  for (size_t i = 0; i < faces_.size(); ++i) {
    faces_[i].person = numbers.at(labels_[i]);
    faces_[i].stranger = split->strangers.contains(labels_[i]);
    ++photos_of[labels_[i]];
    trained_on += faces_[i].stranger ? 0 : 1;
  }
  v1::Training training;
  if (!config_.has_pairs_per_epoch()) config_.set_pairs_per_epoch(std::min(kPairsPerPhoto * trained_on, 1'000'000));
  *training.mutable_config() = config_;
  v1::TrainingData& data = *training.mutable_data();
  data.set_accepted_photos(static_cast<int>(faces_.size()));
  data.set_rejected_photos(photos_ - static_cast<int>(faces_.size()));
  const Sha256Digest digest = hasher_.Finish();
  data.set_photos_sha256(absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()}));
  for (v1::RejectedPhoto& rejection : rejections_) *data.add_rejections() = std::move(rejection);
  data.set_people(static_cast<int>(split->trained_on.size()));
  data.set_strangers(static_cast<int>(split->strangers.size()));
  bool genuine_pairs = false;
  for (const auto& [person, photos] : photos_of) {
    if (photos == 1) data.set_people_with_one_photo(data.people_with_one_photo() + 1);
    genuine_pairs |= photos > 1 && split->trained_on.contains(person);
  }
  const bool head = config_.method() == v1::TRAINING_METHOD_LINEAR_HEAD;
  if (!genuine_pairs && !(head && config_.head_method() == v1::HEAD_METHOD_MEAN)) {
    return TooSmall("nobody who is trained on has two photos");
  }
  if (head && data.people() < kFewestPeopleForAHead) {
    return TooSmall(absl::StrCat("a linear layer is learned from ", kFewestPeopleForAHead, " people or more; ",
                                 data.people(), " are left to train on when ", data.strangers(), " are held out"));
  }
  absl::Status room;
  const absl::Status ran = jobs_.preparations_.Run([&] { room = jobs_.CheckRoomForNext(config_, faces_); });
  if (!ran.ok()) return ran;
  if (!room.ok()) return room;
  return jobs_.Enqueue(std::move(training), faces_);
}

absl::StatusOr<std::unique_ptr<TrainingJobs>> TrainingJobs::Open(const std::string& folder, TrainingLimits limits,
                                                                 TrainingWork& work, const ActiveGeneration& active,
                                                                 Metrics& metrics) {
  const auto wrong = [&folder](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat("trainings folder ", folder, ": ", why));
  };
  std::unique_ptr<TrainingJobs> jobs;
  try {
    if (std::filesystem::create_directories(folder)) {
      std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
    }
    // By its one true name: a symbolic link or a slash at the end must not lead to another lock.
    jobs.reset(new TrainingJobs(std::filesystem::canonical(folder), limits, work, active, metrics));
    if (!jobs->lock_.Exists()) return wrong("the folder around it cannot be written to");
    if (!jobs->lock_.Acquire()) return wrong("another server has it; give each a --trainings-folder of its own");
    jobs->ReadFolder();
  } catch (const std::filesystem::filesystem_error& error) {
    return wrong(error.code().message());
  }
  jobs->runner_ = std::thread(
      [jobs = jobs.get()] { RunGuarded(ThreadKind::kTraining, [jobs] { jobs->RunJobs(); }).IgnoreError(); });
  return jobs;
}

TrainingJobs::TrainingJobs(std::string folder, TrainingLimits limits, TrainingWork& work,
                           const ActiveGeneration& active, Metrics& metrics)
    : folder_(std::move(folder)),
      limits_(std::move(limits)),
      work_(work),
      active_(active),
      metrics_(metrics),
      lock_(folder_ + ".lock") {}

TrainingJobs::~TrainingJobs() {
  Stop();
  if (runner_.joinable()) runner_.join();
}

void TrainingJobs::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

std::string TrainingJobs::FolderOf(const std::string& id) const { return absl::StrCat(folder_, "/", id); }

std::string TrainingJobs::CancellationFile(const std::string& id) const { return FolderOf(id) + "/cancelled"; }

std::string TrainingJobs::AttemptsFile(const std::string& id) const { return FolderOf(id) + "/attempts"; }

void TrainingJobs::ReadFolder() {
  absl::MutexLock lock(&mutex_);
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    const std::string id = entry.path().filename().string();
    if (!IsRandomId(id)) continue;  // nothing of ours
    const absl::StatusOr<std::string> text = ReadWholeFile(entry.path().string() + "/record");
    Job job;
    if (!text.ok() || !job.snapshot.training.ParseFromString(*text) || job.snapshot.training.training_id() != id) {
      // The record comes last, so this is what an upload left that a kill interrupted.
      Log(LogLevel::kWarning, "training_removed", {{"training_id", id}});
      std::filesystem::remove_all(entry.path());
      continue;
    }
    if (HasEnded(job.snapshot.training)) {
      RemoveWorkFiles(id);  // a kill may have come first
    } else {
      queue_.push_back(id);
    }
    // It comes first, and ends at once.
    if (std::filesystem::exists(CancellationFile(id))) job.snapshot.training.set_cancel_requested(true);
    job.epochs = job.snapshot.training.epochs_size();
    jobs_.emplace(id, std::move(job));
  }
  CountJobs();
  const auto begun = [this](const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const v1::Training& training = jobs_.at(id).snapshot.training;
    return std::tuple(!training.cancel_requested(), training.state() != v1::TRAINING_STATE_RUNNING,
                      google::protobuf::util::TimeUtil::TimestampToMicroseconds(training.create_time()));
  };
  std::sort(queue_.begin(), queue_.end(),
            [&](const std::string& a, const std::string& b)
                ABSL_NO_THREAD_SAFETY_ANALYSIS { return begun(a) < begun(b); });
}

absl::Status TrainingJobs::CheckQueue() const {
  if (stopping_) return Interrupted();
  if (queue_.size() < static_cast<size_t>(limits_.max_queued)) return absl::OkStatus();
  return MakeError(Reason::OVERLOADED, "as many trainings wait as the server allows");
}

absl::StatusOr<std::unique_ptr<TrainingJobs::Upload>> TrainingJobs::Begin(const v1::TrainingConfig& config) {
  {
    absl::MutexLock lock(&mutex_);
    if (absl::Status status = CheckQueue(); !status.ok()) return status;
  }
  v1::TrainingConfig named = config;
  if (named.base_model().empty()) named.set_base_model(active_.Get()->embedder->digest().Hex());
  // On one thread for all: each thread that loads a network keeps pieces of memory.
  absl::StatusOr<BaseModel> base;
  const absl::Status ran = preparations_.Run([&] { base = work_.FindBase(named.base_model()); });
  if (!ran.ok()) return ran;
  if (!base.ok()) return base.status();
  absl::StatusOr<v1::TrainingConfig> complete = CompleteConfig(std::move(named), base->manifest);
  if (!complete.ok()) return complete.status();
  return std::unique_ptr<Upload>(new Upload(*this, *std::move(complete), std::move(base->manifest)));
}

absl::Status TrainingJobs::CheckRoomForNext(const v1::TrainingConfig& config,
                                            const std::vector<TrainingFace>& faces) const {
  const std::optional<MemoryRoom> room = RoomForNext();
  if (!room.has_value()) return absl::OkStatus();
  const absl::StatusOr<BaseModel> base = work_.FindBase(config.base_model());
  return base.ok() ? CheckRoom(room, *base, config, faces) : base.status();
}

absl::Status TrainingJobs::CheckRoom(const std::optional<MemoryRoom>& room, const BaseModel& base,
                                     const v1::TrainingConfig& config, const std::vector<TrainingFace>& faces) const {
  if (!room.has_value()) return absl::OkStatus();
  // Before a network is loaded for which there is no room: weights, their gradients and what the optimiser keeps.
  const auto weights = static_cast<int64_t>(base.bundle.bytes().size());
  const int64_t of_faces = BytesOfTraining(faces);
  // A layer behind the network takes little more than the faces.
  if (config.method() == v1::TRAINING_METHOD_LINEAR_HEAD) return CheckMemory(of_faces, room);
  if (absl::Status status = CheckMemory(kLeastCopiesOfWeights * weights + of_faces, room); !status.ok()) return status;
  const absl::StatusOr<int64_t> of_network = work_.MeasureMemory(base, config);
  GiveMemoryBack();  // or it would be missing when the training begins
  if (!of_network.ok()) return of_network.status();
  return CheckMemory(*of_network + of_faces, room);
}

std::optional<MemoryRoom> TrainingJobs::RoomForNext() const {
  {
    absl::MutexLock lock(&mutex_);
    if (running_) return room_before_run_;
  }
  return limits_.memory_room();
}

absl::StatusOr<std::string> TrainingJobs::Enqueue(v1::Training training, const std::vector<TrainingFace>& faces) {
  const std::string id = RandomId();
  training.set_training_id(id);
  training.set_state(v1::TRAINING_STATE_QUEUED);
  *training.mutable_create_time() = Now();
  std::error_code error;
  std::filesystem::create_directory(FolderOf(id), error);
  absl::Status written = ReplaceFile(FolderOf(id) + "/faces", EncodeFaces(faces));
  if (written.ok()) written = ReplaceFile(FolderOf(id) + "/record", training.SerializeAsString());
  absl::MutexLock lock(&mutex_);
  if (written.ok()) written = CheckQueue();
  if (!written.ok()) {
    std::filesystem::remove_all(FolderOf(id), error);
    return written;
  }
  jobs_[id].snapshot = {std::move(training), 1};
  queue_.push_back(id);
  CountJobs();
  return id;
}

void TrainingJobs::RunJobs() {
  LowerThisThreadsPriority(Politeness::kLow);
  while (true) {
    std::string id;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &TrainingJobs::HasWorkOrStops));
      if (stopping_) return;
      id = queue_.front();
      queue_.pop_front();
      // From here on Cancel() leaves it to this thread.
      jobs_.at(id).snapshot.training.set_state(v1::TRAINING_STATE_RUNNING);
      ++jobs_.at(id).snapshot.changes;
      CountJobs();
    }
    RunJob(id);
  }
}

void TrainingJobs::RunJob(const std::string& id) {
  v1::Training training = *Get(id);
  const int crashes = CrashesOf(id);
  absl::Status outcome;
  if (crashes < kMostCrashes) {
    Log(LogLevel::kInfo, "training_running", {{"training_id", id}, {"crashes", crashes}});
    // The attempt is on the disk before anything that may end the process.
    outcome = NoteAttempts(id, crashes + 1);
    if (outcome.ok()) outcome = Note(id, training, /*durable=*/true);
    const absl::Status ran = RunGuarded(ThreadKind::kTraining, [&] {
      if (outcome.ok()) outcome = RunOnFaces(id, training);
    });
    if (!ran.ok()) outcome = ran;
  } else {
    outcome = MakeError(Reason::INTERNAL,
                        absl::StrCat("the server ended ", crashes,
                                     " times without notice while this training ran, so it is not tried again; the "
                                     "server's and the kernel's logs say why: memory, most often"));
  }
  if (!outcome.ok() && ReasonOf(outcome) == Reason::SHUTTING_DOWN) {  // it goes on after the next start
    if (absl::Status status = NoteAttempts(id, crashes); !status.ok())
      Log(LogLevel::kError, "training_not_recorded", {{"message", std::string(status.message())}});
    return;
  }
  const absl::Status ended = RunGuarded(ThreadKind::kTraining, [&] { EndJob(id, training, outcome); });
  absl::MutexLock lock(&mutex_);
  running_ = false;
  if (ended.ok()) return;
  // At least nobody waits for it any more; after the next start it is gone on with.
  jobs_.at(id).snapshot.training.set_state(v1::TRAINING_STATE_FAILED);
  ++jobs_.at(id).snapshot.changes;
}

int TrainingJobs::CrashesOf(const std::string& id) const {
  const absl::StatusOr<std::string> text = ReadWholeFile(AttemptsFile(id));
  int attempts = 0;
  return text.ok() && absl::SimpleAtoi(*text, &attempts) ? attempts : 0;
}

absl::Status TrainingJobs::NoteAttempts(const std::string& id, int attempts) const {
  return ReplaceFile(AttemptsFile(id), absl::StrCat(attempts));
}

absl::Status TrainingJobs::RunOnFaces(const std::string& id, v1::Training& training) {
  const std::optional<MemoryRoom> room = limits_.memory_room();
  {
    absl::MutexLock lock(&mutex_);
    running_ = true;
    room_before_run_ = room;
  }
  absl::StatusOr<std::vector<TrainingFace>> faces = ReadFaces(FolderOf(id) + "/faces");
  if (!faces.ok()) return faces.status();
  const absl::StatusOr<BaseModel> base = work_.FindBase(training.config().base_model());
  if (!base.ok()) return base.status();
  // Asked again, for the server may have been given less meanwhile: it would be killed again after each start.
  if (absl::Status status = CheckRoom(room, *base, training.config(), *faces); !status.ok()) return status;
  return work_.Run(*base, FolderOf(id), *std::move(faces), training,
                   [&](const v1::Training& now, bool durable) { return Note(id, now, durable); });
}

absl::Status TrainingJobs::Note(const std::string& id, const v1::Training& training, bool durable) {
  {
    absl::MutexLock lock(&mutex_);
    Job& job = jobs_.at(id);
    const bool cancelled = job.snapshot.training.cancel_requested();
    job.snapshot.training = training;
    job.snapshot.training.set_cancel_requested(cancelled);
    ++job.snapshot.changes;
    if (training.epochs_size() > job.epochs) {
      metrics_.CountTrainingEpochs(training.epochs_size() - job.epochs);
      job.epochs = training.epochs_size();
    }
    if (cancelled) return Cancelled();
    if (stopping_) return Interrupted();
  }
  return durable ? ReplaceFile(FolderOf(id) + "/record", training.SerializeAsString()) : absl::OkStatus();
}

void TrainingJobs::EndJob(const std::string& id, v1::Training training, const absl::Status& outcome) {
  *training.mutable_end_time() = Now();
  training.set_cancel_requested(Get(id)->cancel_requested());
  training.mutable_config()->clear_held_out_people();  // labels are kept only until the training ends
  if (outcome.ok()) {
    training.set_state(v1::TRAINING_STATE_SUCCEEDED);
  } else if (ReasonOf(outcome) == Reason::CANCELLED) {
    training.set_state(v1::TRAINING_STATE_CANCELLED);
  } else {
    training.set_state(v1::TRAINING_STATE_FAILED);
    training.mutable_failure()->set_reason(ReasonName(ReasonOf(outcome)));
    training.mutable_failure()->set_message(std::string(outcome.message()));
  }
  Log(outcome.ok() || training.state() == v1::TRAINING_STATE_CANCELLED ? LogLevel::kInfo : LogLevel::kError,
      "training_ended",
      {{"training_id", id},
       {"state", v1::TrainingState_Name(training.state())},
       {"promoted", training.result().promoted()},
       {"reason", outcome.ok() ? training.result().promotion_reason() : std::string(outcome.message())}});
  const absl::Status written = ReplaceFile(FolderOf(id) + "/record", training.SerializeAsString());
  if (!written.ok()) Log(LogLevel::kError, "training_not_recorded", {{"message", std::string(written.message())}});
  RemoveWorkFiles(id);
  GiveMemoryBack();
  absl::MutexLock lock(&mutex_);
  Job& job = jobs_.at(id);
  job.snapshot.training = std::move(training);
  ++job.snapshot.changes;
  metrics_.CountTraining(OutcomeOf(job.snapshot.training));
  CountJobs();
}

void TrainingJobs::CountJobs() const {
  // Those that a restart found running wait for their turn.
  const auto running =
      std::count_if(jobs_.begin(), jobs_.end(), [this](const auto& entry) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return entry.second.snapshot.training.state() == v1::TRAINING_STATE_RUNNING &&
               std::find(queue_.begin(), queue_.end(), entry.first) == queue_.end();
      });
  metrics_.SetTrainings(running, static_cast<int64_t>(queue_.size()));
}

void TrainingJobs::RemoveWorkFiles(const std::string& id) const {
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(FolderOf(id), ignored), end; entry != end; entry.increment(ignored)) {
    if (entry->path().filename() != "record") std::filesystem::remove(entry->path(), ignored);
  }
}

absl::StatusOr<v1::Training> TrainingJobs::Get(const std::string& id) const {
  absl::MutexLock lock(&mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return NotFound();
  return found->second.snapshot.training;
}

std::vector<v1::Training> TrainingJobs::List() const {
  std::vector<v1::Training> trainings;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, job] : jobs_) trainings.push_back(job.snapshot.training);
  }
  for (v1::Training& training : trainings) Shorten(training);
  std::sort(trainings.begin(), trainings.end(), [](const v1::Training& a, const v1::Training& b) {
    return google::protobuf::util::TimeUtil::TimestampToMicroseconds(a.create_time()) >
           google::protobuf::util::TimeUtil::TimestampToMicroseconds(b.create_time());
  });
  return trainings;
}

absl::StatusOr<TrainingSnapshot> TrainingJobs::AwaitChange(const std::string& id, int64_t changes,
                                                           absl::Duration limit) const {
  absl::MutexLock lock(&mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return NotFound();
  const Job& job = found->second;
  const auto changed = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || job.snapshot.changes > changes;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&changed), limit);
  if (stopping_ && job.snapshot.changes <= changes) return Interrupted();
  return job.snapshot;
}

absl::StatusOr<v1::Training> TrainingJobs::Cancel(const std::string& id) {
  const absl::StatusOr<v1::Training> now = Get(id);
  if (!now.ok() || HasEnded(*now)) return now;
  // Before anybody is told: a restart shall find it.
  if (absl::Status status = ReplaceFile(CancellationFile(id), ""); !status.ok()) return status;
  bool queued = false;
  {
    absl::MutexLock lock(&mutex_);
    Job& job = jobs_.at(id);
    if (!HasEnded(job.snapshot.training) && !job.snapshot.training.cancel_requested()) {
      job.snapshot.training.set_cancel_requested(true);
      ++job.snapshot.changes;
    }
    const auto place = std::find(queue_.begin(), queue_.end(), id);
    queued = place != queue_.end();
    if (queued) queue_.erase(place);
  }
  if (queued) EndJob(id, *Get(id), Cancelled());
  absl::StatusOr<v1::Training> noted = Get(id);
  if (HasEnded(*noted)) RemoveWorkFiles(id);  // it may have ended before the file was written
  return noted;
}

}  // namespace likeness
