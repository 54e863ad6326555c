"""verify.py enroll|verify PERSON PHOTO: exits with 0 (enrolled, or the same person), 1 (different) or 2 (error)."""
import os
import sys
from pathlib import Path

import grpc
from google.rpc import error_details_pb2, status_pb2
from likeness.v1 import face_verification_service_pb2 as messages
from likeness.v1.face_verification_service_pb2_grpc import FaceVerificationServiceStub

CONFIG = """{"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [{"name": [{}], "retryPolicy": {
  "maxAttempts": 4, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
  "retryableStatusCodes": ["UNAVAILABLE"]}}]}"""
# A call that does not fit its retry buffer is not repeated, and gRPC's own, 256 KiB, is less than most photos.
OPTIONS = [("grpc.service_config", CONFIG), ("grpc.per_rpc_retry_buffer_size", 16 << 20)]


def reason_of(error: grpc.RpcError) -> str:
    status = status_pb2.Status.FromString(dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b""))
    info = error_details_pb2.ErrorInfo()
    return info.reason if any(detail.Unpack(info) for detail in status.details) else error.code().name


command, person, photo = sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_bytes()
tls = grpc.ssl_channel_credentials(Path(os.environ["LIKENESS_TLS_CA"]).read_bytes())
credentials = grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(os.environ["LIKENESS_TOKEN"]))
faces = FaceVerificationServiceStub(grpc.secure_channel(os.environ["LIKENESS_SERVER"], credentials, OPTIONS))
try:
    if command == "enroll":  # a repeated call with the same request_id enrols once
        faces.Enroll(messages.EnrollRequest(person_id=person, photos=[photo], request_id=os.urandom(16).hex()), timeout=10)
        print("enrolled")
    else:
        answer = faces.Verify(messages.VerifyRequest(person_id=person, photo=photo), timeout=10)
        verdict = "same person" if answer.verified else "different"
        print(f"{verdict}, at a false match rate of {answer.threshold.false_match_rate:g}")
        sys.exit(0 if answer.verified else 1)
except grpc.RpcError as error:
    print(f"{reason_of(error)}: {error.details()}", file=sys.stderr)
    sys.exit(2)
