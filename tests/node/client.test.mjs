// A client in another language, as other services write it: npm's @grpc/grpc-js against the real server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const { LIKENESS_BIN_DIR, LIKENESS_MODELS_DIR, LIKENESS_PHOTOS_DIR, LIKENESS_PROTO_DIR, LIKENESS_GOOGLE_PROTO_DIR } =
  process.env;
const folder = mkdtempSync(join(tmpdir(), 'likeness-node-'));
const photo = (name) => readFileSync(join(LIKENESS_PHOTOS_DIR, name));

let server;
let client;
let statusType;

before(async () => {
  const readyFile = join(folder, 'ready.json');
  server = spawn(join(LIKENESS_BIN_DIR, 'likeness-server'), [
    '--address=127.0.0.1:0', '--metrics-address=off', '--device=cpu', '--log-level=warning',
    `--model=${LIKENESS_MODELS_DIR}/mobilefacenet-192.pt`, `--face-finder=${LIKENESS_MODELS_DIR}/face-finder.pt`,
    `--gallery=sqlite:${folder}/gallery.db`, '--plaintext-gallery=true', `--ready-file=${readyFile}`,
  ], { stdio: 'inherit' });
  let ports;
  for (let tries = 0; !ports && tries < 900 && server.exitCode === null; ++tries) {
    await sleep(100);
    try {
      if (existsSync(readyFile)) ports = JSON.parse(readFileSync(readyFile));
    } catch { /* not wholly written yet */ }
  }
  assert.ok(ports, 'the server does not serve');
  const definition = protoLoader.loadSync('likeness/v1/face_verification_service.proto', {
    includeDirs: [LIKENESS_PROTO_DIR], keepCase: true, enums: String, defaults: true,
  });
  const { likeness } = grpc.loadPackageDefinition(definition);
  client = new likeness.v1.FaceVerificationService(`127.0.0.1:${ports.grpc_port}`, grpc.credentials.createInsecure());
  const details = protoLoader.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'], {
    includeDirs: [LIKENESS_GOOGLE_PROTO_DIR],
  });
  statusType = { status: details['google.rpc.Status'], info: details['google.rpc.ErrorInfo'] };
});

after(async () => {
  client?.close();
  server.kill('SIGTERM');
  const code = server.exitCode ?? (await new Promise((resolve) => server.once('exit', resolve)));
  rmSync(folder, { recursive: true });
  assert.equal(code, 0, 'the server did not end in good order');
});

const call = (method, request) =>
  new Promise((resolve, reject) =>
    client[method](request, { deadline: Date.now() + 30_000 }, (error, response) =>
      error ? reject(error) : resolve(response)));

// The stable reason in an error's google.rpc.ErrorInfo.
const reasonOf = (error) => {
  const status = statusType.status.deserialize(error.metadata.get('grpc-status-details-bin')[0]);
  const any = status.details.find((detail) => detail.type_url?.endsWith('google.rpc.ErrorInfo') ||
                                              detail.typeUrl?.endsWith('google.rpc.ErrorInfo'));
  return statusType.info.deserialize(any.value).reason;
};

test('enrols a person with one photo and verifies another photo', async () => {
  const enrolled = await call('Enroll', { person_id: 'cage', photos: [photo('cage.jpg')] });
  assert.equal(enrolled.references.length, 1);

  const same = await call('Verify', { person_id: 'cage', photo: photo('cage2_crop.jpg') });
  assert.equal(same.verified, true);
  assert.ok(same.distance > 0 && same.distance <= same.threshold.distance);
  assert.equal(same.reference_id, enrolled.references[0].reference_id);

  const other = await call('Verify', { person_id: 'cage', photo: photo('obama4_crop.jpg') });
  assert.equal(other.verified, false);
  assert.ok(other.distance > other.threshold.distance);
});

test('an error carries its stable reason', async () => {
  await assert.rejects(call('Verify', { person_id: 'nobody', photo: photo('cage.jpg') }), (error) => {
    assert.equal(error.code, grpc.status.NOT_FOUND);
    assert.equal(reasonOf(error), 'PERSON_NOT_FOUND');
    return true;
  });
});
