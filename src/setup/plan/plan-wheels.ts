import type { KtxRuntimeFeature } from '../../core/features.ts';
import { joinFailures } from '../../network/errors/joined-failures.ts';
import { unavailability } from '../../shipped/feature-support.ts';
import { type Artefact, artefactsOf, largestArtefact, type RuntimeLock } from '../../shipped/lock.ts';
import { type HostPlatform, lockedMinors, targetKey } from '../../shipped/target.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { SetupError } from '../../support/errors.ts';
import { GO_ONLINE } from '../../support/remedies.ts';
import { formatCount } from '../../support/text/format.ts';
import type { PrepareOptions } from '../request/install-types.ts';
import type { SetupNetwork } from '../session/setup-network.ts';
import type { SourceProbe } from '../session/source-probes.ts';

interface AskingContext {
  options: PrepareOptions;
  host: HostPlatform;
  network: SetupNetwork;
  features: readonly KtxRuntimeFeature[];
}

/** A wheel being probed while it is still open which others are needed. */
export interface AskedAhead {
  wheel: Artefact;
  probe: Promise<SourceProbe>;
}

/**
 * Starts on what is missing for every Python: reads the pages and probes the host while the Python is being
 * chosen.
 */
export async function askAhead(
  { options, network, host, features }: AskingContext,
  lock: RuntimeLock,
  store: ArtefactStore,
): Promise<AskedAhead | null> {
  if (options.isOffline) return null;
  const missing = await missingByPython(store, lock, host, features);
  await readPagesAhead(network, missing);
  const wheel = commonMissingWheel(missing);
  if (!wheel) return null;
  const probe = network.probe(wheel, options.signal);
  probe.catch(() => {});
  return { wheel, probe };
}

/** The wheels missing from the store, for each possible Python, newest first. */
function missingByPython(
  store: ArtefactStore,
  lock: RuntimeLock,
  host: HostPlatform,
  features: readonly KtxRuntimeFeature[],
): Promise<Artefact[][]> {
  return Promise.all(
    lockedMinors(lock, host)
      .filter((minor) => unavailability(lock, host, minor, features) === null)
      .map((minor) => store.missingOf(artefactsOf(lock, targetKey(host, minor), features))),
  );
}

/**
 * Starts reading the index pages of missing packages without waiting: they are the same for every Python, and
 * arrive while interpreters and mirrors are still being probed. Errors surface where the pages are needed.
 */
async function readPagesAhead(
  network: SetupNetwork,
  missing: readonly (readonly Artefact[])[],
): Promise<void> {
  const [wanted = [], ...others] = missing;
  // The store is complete for another Python, which will probably be chosen again: contact no host
  // needlessly.
  if (wanted.length === 0 || others.some((wheels) => wheels.length === 0)) return;
  (await network.open()).readAhead(wanted);
}

/** The largest wheel missing for every Python: it can be probed while the Python is being chosen. */
function commonMissingWheel(missing: readonly (readonly Artefact[])[]): Artefact | null {
  const [first = [], ...others] = missing;
  return largestArtefact(
    first.filter(({ sha256 }) => others.every((wheels) => wheels.some((wheel) => wheel.sha256 === sha256))),
  );
}

/**
 * One missing wheel shows whether the index answers; of the others only the hosts are needed, which may
 * differ.
 */
export async function probeWheels(
  network: SetupNetwork,
  missing: readonly Artefact[],
  options: PrepareOptions,
  ahead: AskedAhead | null,
): Promise<SourceProbe> {
  if (options.isOffline) throw missingOffline(missing);
  const asked = missing.some(({ sha256 }) => sha256 === ahead?.wheel.sha256) ? ahead : null;
  const largest = asked?.wheel ?? largestArtefact(missing)!;
  const probe = await (await (asked?.probe ?? network.probe(largest, options.signal))).settled();
  if (probe.place !== null) {
    const others = missing.filter(({ sha256 }) => sha256 !== largest.sha256);
    return { ...probe, hosts: [...probe.hosts, ...(await network.hostsOf(others, options.signal))] };
  }
  throw joinFailures(`${missing.length} of the runtime's packages cannot be fetched.`, probe.failures, {
    evidence: [`asked for ${largest.file}`],
  });
}

function missingOffline(missing: readonly Artefact[]): SetupError {
  return new SetupError(
    `${formatCount(missing.length, 'package')} of the runtime must be fetched, and --offline forbids it.`,
    {
      failureClass: 'network',
      evidence: missing.map(({ file, sha256 }) => `not in the store: ${file}, sha256 ${sha256}`),
      remedies: [GO_ONLINE],
    },
  );
}
