import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { runProcess } from '../../process/run-process.ts';
import { interpreterEnvironment, minorOf } from '../../python/system-python.ts';
import { wheelProofOf } from '../../shipped/asset-schema.ts';
import { normaliseProject } from '../../support/text/project-name.ts';
import type { CompilingAhead, InstallRun } from './install-run.ts';

/**
 * The modules that the proof imports, by project. The list need not be exact: a missing module is compiled on
 * import, a superfluous one costs some processor time.
 */
const MODULES: Readonly<Record<string, string>> = {
  sqlglot:
    'sqlglot/(?:(?!anonymize|lineage|planner)[^/]+|expressions/[^/]+|optimizer/(?:__init__|scope)|(?:dialects|generators|parsers|typing)/(?:__init__|base|dialect|postgres))[.]py',
  uvicorn:
    'uvicorn/(?:(?!workers)[^/]+|(?:middleware|supervisors)/(?!watchfiles)[^/]+|(?:.+/)?(?:__init__|asyncio|h11_impl|flow_control|utils|off))[.]py',
  click: 'click/(?!_termui|testing|shell)[^/]+[.]py',
  h11: 'h11/[^/]+[.]py',
};
const OWN_MODULES = '(?:ktx_daemon|semantic_layer)/(?:[^/]+/)?[^/]+[.]py';

/**
 * Runs on the interpreter of the new environment, with the standard library only. Each line on stdin is the digest
 * of a wheel that has arrived; the end of stdin says that all are installed. Compiles bytes that match the digest;
 * writes the same `.pyc` that Python would, and only next to a module with the same bytes.
 */
const SCRIPT = `
import gc, hashlib, io, json, os, queue, re, sys, threading, zipfile
from importlib import _bootstrap_external as loading
from importlib.util import cache_from_source

gc.disable()
job = json.loads(sys.argv[1])
arrived = queue.SimpleQueue()
installed = threading.Event()


def listen():
    for line in sys.stdin:
        arrived.put(line.strip())
    installed.set()
    arrived.put(None)


def compiled():
    for _ in job["wheels"]:
        digest = arrived.get()
        if digest is None:
            return
        wheel = job["wheels"][digest]
        with open(wheel["path"], "rb") as file:
            content = file.read()
        if hashlib.sha256(content).hexdigest() != digest:
            continue
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in filter(re.compile(wheel["modules"]).fullmatch, archive.namelist()):
                if installed.is_set():
                    return
                source = archive.read(name)
                path = os.path.join(job["sitePackages"], name)
                code = compile(source, path, "exec", dont_inherit=True)
                yield path, source, loading._code_to_timestamp_pyc(code, 0, len(source))


threading.Thread(target=listen, daemon=True).start()
modules = list(compiled())
print("compiled", flush=True)
installed.wait()
folders = set()
for path, source, bytecode in modules:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if file.read() != source:
            continue
    bytecode[8:12] = (int(status.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
    target = cache_from_source(path)
    folder = os.path.dirname(target)
    if folder not in folders:
        os.makedirs(folder, exist_ok=True)
        folders.add(folder)
    loading._write_atomic(target, bytecode, status.st_mode & 0o777 | 0o200)
`;

/**
 * Compiles the modules that the proof will import while other wheels still arrive and uv installs them; Python
 * would do it later, on one core, with everything else waiting. An optimisation only: if it fails, the proof
 * compiles them itself.
 * @returns `null` when the wheels are unknown, or the interpreter is not there yet.
 */
export function compileAhead(run: InstallRun, signal: AbortSignal): CompilingAhead | null {
  const { plan, tools, journal } = run;
  const { locked, asset, environmentDir } = plan;
  if (locked?.python.kind !== 'system' || wheelProofOf(asset.manifest) || process.platform === 'win32')
    return null;
  const { path: command, version } = locked.python;
  const own = asset.manifest.wheel.sha256;
  const wheels = Object.fromEntries([
    [own, { path: asset.wheelPath, modules: OWN_MODULES }],
    ...locked.wheels.flatMap((wheel) => {
      const modules = MODULES[normaliseProject(wheel.file.split('-')[0]!)];
      return modules ? [[wheel.sha256, { path: tools.store.pathOf(wheel), modules }] as const] : [];
    }),
  ]);
  const sitePackages = join(environmentDir, 'lib', `python${minorOf(version)}`, 'site-packages');
  const arrivals = new PassThrough();
  const compiled = Promise.withResolvers<void>();
  const ended = runProcess({
    command,
    args: ['-I', '-S', '-c', SCRIPT, JSON.stringify({ wheels, sitePackages })],
    env: interpreterEnvironment(run.env),
    stdin: arrivals,
    signal,
    onSpawn: journal.child,
    onLines: () => compiled.resolve(),
  }).then(
    () => compiled.resolve(),
    () => compiled.resolve(),
  );
  const take = (sha256: string) => {
    if (sha256 in wheels) arrivals.write(`${sha256}\n`);
  };
  take(own);
  return { take, compiled: compiled.promise, place: () => arrivals.end(), ended };
}
