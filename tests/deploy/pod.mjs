// Does on this machine what the cluster does with the pod: makes its secrets and folders, starts the server with its
// environment, and probes it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentOf, serverOf } from './checks.mjs';

const { LIKENESS_BIN_DIR, LIKENESS_MODELS_DIR } = process.env;

export class Pod {
  #root = mkdtempSync(join(tmpdir(), 'likeness-pod-'));
  #objects;
  #server;
  #variables;

  constructor(objects) {
    this.#objects = objects;
    for (const folder of ['etc/likeness', 'var/lib/likeness', 'var/lib/likeness-trainings']) {
      mkdirSync(this.#here(`/${folder}`), { recursive: true });
    }
    this.#variables = { PATH: `${LIKENESS_BIN_DIR}:${process.env.PATH}` };
    this.#makeSecrets();
    const { LIKENESS_GALLERY: gallery, ...variables } = environmentOf(objects);
    const settings = {
      ...variables,
      LIKENESS_GALLERY: typeof gallery === 'string' ? gallery : 'sqlite:/var/lib/likeness/gallery.db', // in place of PostgreSQL
      LIKENESS_DEVICE: 'cpu',
      // What the image sets; all addresses, because only then the server insists on TLS and tokens.
      LIKENESS_MODEL: `${LIKENESS_MODELS_DIR}/mobilefacenet-192.pt`,
      LIKENESS_FACE_FINDER: `${LIKENESS_MODELS_DIR}/face-finder.pt`,
      LIKENESS_ADDRESS: '0.0.0.0:0',
      LIKENESS_METRICS_ADDRESS: '127.0.0.1:0',
      LIKENESS_READY_FILE: '/ready.json',
    };
    for (const [name, value] of Object.entries(settings)) this.#variables[name] = this.#here(String(value));
  }

  // A path of the container, or a text with such paths, as one of this machine.
  #here(text) {
    return text.replaceAll(/(^|[ :=])(\/(?:etc|var\/lib|ready)\b)/g, `$1${this.#root}$2`);
  }

  #run(command, ...args) {
    return execFileSync(command, args.map((arg) => this.#here(arg)), { env: this.#variables, stdio: 'pipe' });
  }

  #makeSecrets() {
    this.#run('likeness', 'keys', 'add', '/etc/likeness/master.keys');
    this.#run('likeness', 'tokens', 'add', '/etc/likeness/tokens', 'door', '--scope', 'verify');
    this.#run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1',
      '-subj', '/CN=likeness', '-addext', 'subjectAltName=DNS:localhost,DNS:likeness',
      '-keyout', '/etc/likeness/tls.key', '-out', '/etc/likeness/tls.crt');
    writeFileSync(this.#here('/etc/likeness/ca.crt'), readFileSync(this.#here('/etc/likeness/tls.crt')));
  }

  async start() {
    this.#server = spawn('likeness-server', [], { env: this.#variables, stdio: ['ignore', 'ignore', 'inherit'] });
    let ports;
    for (let tries = 0; !ports && this.#server.exitCode === null && tries < 300; ++tries) {
      await sleep(100);
      try {
        ports = JSON.parse(readFileSync(this.#variables.LIKENESS_READY_FILE));
      } catch { /* not there yet, or not wholly written */ }
    }
    if (!ports) throw new Error('the server does not serve');
    this.#variables.LIKENESS_SERVER = `localhost:${ports.grpc_port}`;
  }

  // Throws when the server is not well, as the kubelet would see it.
  probe(name) {
    const { exec, grpc } = serverOf(this.#objects)[name];
    this.#run(...(exec ? exec.command : ['likeness', 'health', ...(grpc.service ? [grpc.service] : [])]));
  }

  async end() {
    if (this.#server?.kill('SIGKILL')) await once(this.#server, 'exit');
    rmSync(this.#root, { recursive: true });
  }
}
