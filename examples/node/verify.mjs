// node verify.mjs enroll|verify PERSON PHOTO: exits with 0 (enrolled, or the same person), 1 (different) or 2 (error).
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const { LIKENESS_SERVER, LIKENESS_TLS_CA, LIKENESS_TOKEN, PROTO_PATH } = process.env;
const [command, personId, photo] = [...process.argv.slice(2, 4), readFileSync(process.argv[4])];
const files = ['likeness/v1/face_verification_service.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'];
const definition = protoLoader.loadSync(files, { includeDirs: PROTO_PATH.split(':') });
const { FaceVerificationService } = grpc.loadPackageDefinition(definition).likeness.v1;

const token = new grpc.Metadata();
token.set('authorization', `Bearer ${LIKENESS_TOKEN}`);
const tls = grpc.credentials.createSsl(readFileSync(LIKENESS_TLS_CA));
const caller = grpc.credentials.createFromMetadataGenerator((_, done) => done(null, token));
const retryableStatusCodes = ['UNAVAILABLE'];
const retryPolicy = { maxAttempts: 4, initialBackoff: '0.2s', maxBackoff: '2s', backoffMultiplier: 2, retryableStatusCodes };
const config = { loadBalancingConfig: [{ round_robin: {} }], methodConfig: [{ name: [{}], retryPolicy }] };
// A call that does not fit its retry buffer is not repeated, and gRPC's own, 256 KiB, is less than most photos.
const options = { 'grpc.service_config': JSON.stringify(config), 'grpc.per_rpc_retry_buffer_size': 16 << 20 };
const faces = new FaceVerificationService(LIKENESS_SERVER, grpc.credentials.combineChannelCredentials(tls, caller), options);

const reasonOf = (error) => {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const { details } = bytes ? definition['google.rpc.Status'].deserialize(bytes) : { details: [] };
  const info = details.find((detail) => detail.type_url.endsWith('/google.rpc.ErrorInfo'));
  return info ? definition['google.rpc.ErrorInfo'].deserialize(info.value).reason : grpc.status[error.code];
};
const finish = (error, { verified, threshold } = {}) => {
  if (error) console.error(`${reasonOf(error)}: ${error.details}`);
  else if (command === 'enroll') console.log('enrolled');
  else console.log('%s, at a false match rate of %s', verified ? 'same person' : 'different', threshold.falseMatchRate);
  process.exitCode = error ? 2 : command === 'enroll' || verified ? 0 : 1;
  faces.close();
};
const deadline = Date.now() + 10_000;
if (command === 'enroll') faces.Enroll({ personId, photos: [photo], requestId: crypto.randomUUID() }, { deadline }, finish);
else faces.Verify({ personId, photo }, { deadline }, finish);
