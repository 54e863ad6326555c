// Measures ONNX Runtime on the same network, written as ONNX by export_onnx.py. Answers requests: see rounds.h.
//
//   node onnxruntime_benchmark.mjs mobilefacenet-192.onnx faces.rgb
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";

const SIDE = 112;
const PIXELS = SIDE * SIDE;

const [model, facesFile] = process.argv.slice(2);
const bytes = readFileSync(facesFile);
const faceCount = bytes.length / (3 * PIXELS);

// The same terms for all: one thread, subnormal numbers flushed.
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  extra: { session: { set_denormal_as_zero: "1" } },
});

function input(batch) {
  const planes = new Float32Array(batch * 3 * PIXELS);
  for (let i = 0; i < planes.length; i++) {
    const face = Math.floor(i / (3 * PIXELS)) % faceCount;
    const channel = Math.floor(i / PIXELS) % 3;
    planes[i] = (bytes[(face * PIXELS + (i % PIXELS)) * 3 + channel] - 127.5) / 128;
  }
  return new ort.Tensor("float32", planes, [batch, 3, SIDE, SIDE]);
}

async function measure(batch, faces) {
  const tensor = input(batch);
  for (let run = 0; run < 2; run++) await session.run({ faces: tensor });
  let done = 0;
  const start = process.cpuUsage();
  for (; done < faces; done += batch) await session.run({ faces: tensor });
  const { user, system } = process.cpuUsage(start);
  return { batch, faces: done, processor_ms_per_face: (user + system) / 1e3 / done };
}

async function embed(batch) {
  const { embeddings } = await session.run({ faces: input(batch) });
  const size = embeddings.dims[1];
  return {
    embeddings: Array.from({ length: batch }, (_, row) =>
      Array.from(embeddings.data.subarray(row * size, (row + 1) * size)),
    ),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [request, batch, faces] = line.split(" ");
  const answer = request === "embed" ? await embed(Number(batch)) : await measure(Number(batch), Number(faces));
  console.log(JSON.stringify(answer));
}
