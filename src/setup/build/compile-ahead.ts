import { join } from 'node:path';
import { runProcess } from '../../process/run-process.ts';
import { interpreterEnvironment, minorOf } from '../../python/system-python.ts';
import { wheelProofOf } from '../../shipped/asset-schema.ts';
import { normaliseProject } from '../../support/text/project-name.ts';
import type { CompilingAhead, InstallRun } from './install-run.ts';

/**
 * The modules that the proof imports, by project. The list need not be exact: a missing module is compiled on
 * import, a superfluous one costs some idle processor time.
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
 * Runs on the interpreter of the new environment, with the standard library only. Compiles bytes that match
 * the given digest; writes the same `.pyc` that Python would, and only next to a module with the same bytes.
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
 * Compiles the modules that the proof will import while uv is still installing them; Python would do it
 * later, on one core, with everything else waiting. An optimisation only: if it fails, the proof compiles
 * them itself.
 * @returns `null` when the wheels are unknown, or the interpreter is not there yet.
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
  // Largest first: the proof waits longest for that one.
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
