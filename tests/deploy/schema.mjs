// Holds an object against the schema of its kind: types by the library's validators, and keys that they do not know.

// The library has its schemas as compiled functions, which pass over keys they do not know. So they are watched at work: a
// key that no schema asked for is one that Kubernetes would drop or refuse.
class Watch {
  #seen = new Map(); // object → {path, proxy, asked: the keys that were asked for}

  of(value, path) {
    if (typeof value !== 'object' || value === null) return value;
    if (!this.#seen.has(value)) {
      const asked = new Set();
      const proxy = new Proxy(value, {
        get: (target, key) => {
          asked.add(key);
          return this.of(target[key], Array.isArray(target) ? `${path}[${key}]` : `${path}.${String(key)}`);
        },
        // Of a map, such as labels, a schema asks for whatever there is.
        ownKeys: (target) => {
          for (const key of Object.keys(target)) asked.add(key);
          return Reflect.ownKeys(target);
        },
      });
      this.#seen.set(value, { path, proxy, asked });
    }
    return this.#seen.get(value).proxy;
  }

  unasked() {
    return [...this.#seen].flatMap(([value, { path, asked }]) =>
      Object.keys(value).filter((key) => !asked.has(key)).map((key) => `${path}.${key} is unknown`));
  }
}

const libraryOf = (apiVersion) =>
  apiVersion.startsWith('monitoring.coreos.com/') ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';

// What is wrong with the object; nothing when all is well.
export async function problemsOf(object) {
  const { [object.kind]: Model } = await import(`${libraryOf(object.apiVersion)}/${object.apiVersion}/${object.kind}`);
  const watch = new Watch();
  const problems = [];
  try {
    Model.prototype.validate.call(watch.of(object, object.kind));
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    problems.push(error.message);
  }
  return [...problems, ...watch.unasked()];
}
