import { join } from 'node:path';
import { runProcess } from '../../process/run-process.ts';
import { interpreterEnvironment, minorOf } from '../../python/system-python.ts';
import { wheelProofOf } from '../../shipped/asset-schema.ts';
import { normaliseProject } from '../../support/text/project-name.ts';
import type { CompilingAhead, InstallRun } from './install-run.ts';

/**
 * The modules that the proof imports, by the project of their wheel. Nothing depends on these being exact: what is missing here is
 * compiled when it is imported, and what is here in vain costs a moment of a processor that waits.
 */
const MODULES: Readonly<Record<string, string>> = {
  sqlglot:
    'sqlglot/(?:[^/]+|expressions/[^/]+|optimizer/(?:__init__|scope)|(?:dialects|generators|parsers|typing)/(?:__init__|base|dialect|postgres))[.]py',
  pydantic: 'pydantic/(?:(?!mypy|networks|color|dataclasses)[^/]+|_internal/[^/]+|plugin/[^/]+)[.]py',
  'pydantic-core': 'pydantic_core/[^/]+[.]py',
  uvicorn: 'uvicorn/(?:(?!workers)[^/]+|(?:.+/)?(?:__init__|asyncio|h11_impl|flow_control|utils|off))[.]py',
  click: 'click/(?!_|testing|shell)[^/]+[.]py',
  h11: 'h11/[^/]+[.]py',
};
const OWN_MODULES = '(?:ktx_daemon|semantic_layer)/(?:[^/]+/)?[^/]+[.]py';

/**
 * Runs with the interpreter that the environment is made from, and imports nothing but its library. What it compiles are bytes with
 * the digest that it was told; what it then writes is what Python itself would, and only beside a module that holds the same bytes.
 */
const SCRIPT = `
import hashlib, io, json, os, re, sys, threading, zipfile
from importlib import _bootstrap_external as loading
from importlib.util import cache_from_source

job = json.loads(sys.argv[1])
installed = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), installed.set()), daemon=True).start()


def compiled():
    for wheel in job["wheels"]:
        with open(wheel["path"], "rb") as file:
            content = file.read()
        if hashlib.sha256(content).hexdigest() != wheel["sha256"]:
            continue
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in filter(re.compile(wheel["modules"]).fullmatch, archive.namelist()):
                if installed.is_set():
                    return
                source = archive.read(name)
                path = os.path.join(job["sitePackages"], name)
                yield path, source, compile(source, path, "exec", dont_inherit=True)


modules = list(compiled())
print("compiled", flush=True)
installed.wait()
for path, source, code in modules:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if file.read() != source:
            continue
    bytecode = loading._code_to_timestamp_pyc(code, int(status.st_mtime), len(source))
    target = cache_from_source(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    loading._write_atomic(target, bytecode, status.st_mode & 0o777 | 0o200)
`;

/**
 * Compiles what the proof will import while uv installs it: Python would do it on one processor while everything else waits. It is
 * help and nothing more: whatever goes wrong, the proof compiles by itself.
 * @returns `null` where nothing is known of the wheels, or the interpreter is not there yet.
 */
export function compileAhead(run: InstallRun, signal: AbortSignal): CompilingAhead | null {
  const { plan, tools, journal } = run;
  const { locked, asset, environmentDir } = plan;
  if (locked?.python.kind !== 'system' || wheelProofOf(asset.manifest) || process.platform === 'win32')
    return null;
  const { path: command, version } = locked.python;
  const wheels = [
    ...locked.wheels.flatMap((wheel) => {
      const modules = MODULES[normaliseProject(wheel.file.split('-')[0]!)];
      return modules ? [{ path: tools.store.pathOf(wheel), sha256: wheel.sha256, modules }] : [];
    }),
    { path: asset.wheelPath, sha256: asset.manifest.wheel.sha256, modules: OWN_MODULES },
  ];
  // The largest first: the one that the proof waits for longest.
  wheels.sort((a, b) => Number(b.modules === MODULES['sqlglot']) - Number(a.modules === MODULES['sqlglot']));
  const sitePackages = join(environmentDir, 'lib', `python${minorOf(version)}`, 'site-packages');
  const installed = Promise.withResolvers<string>();
  const compiled = Promise.withResolvers<void>();
  const ended = runProcess({
    command,
    args: ['-I', '-S', '-c', SCRIPT, JSON.stringify({ wheels, sitePackages })],
    env: interpreterEnvironment(run.env),
    stdin: installed.promise,
    signal,
    onSpawn: journal.child,
    onLines: () => compiled.resolve(),
  }).then(
    () => compiled.resolve(),
    () => compiled.resolve(),
  );
  return { compiled: compiled.promise, place: () => installed.resolve(''), ended };
}
