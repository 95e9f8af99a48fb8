import { type Check, type CheckGroup, fail, type Outcome, pass, skip, unknown } from './checks/check.ts';
import type { CheckContext, Facts } from './checks/context.ts';
import { CHECKS } from './checks/list.ts';
import type { KernelDoctorCheck } from './kernel-doctor.ts';
import { MODEL_CHECKS } from './model-checks.ts';
import type { SessionCheck } from './session-checks.ts';

/** One session per run serves all of these checks. */
const sessions = new WeakMap<Facts, Promise<KernelDoctorCheck[]>>();

const SESSION_CHECKS: readonly Check[] = [
  sessionCheck(
    'import',
    'Core',
    'Python session',
    'Packages can load in one process and not in a session that keeps its state.',
  ),
  sessionCheck(
    'analysis',
    'Core',
    'SQL analysis',
    'A statement that is analysed wrongly gives wrong lineage.',
  ),
  sessionCheck(
    'embedding',
    'Embeddings',
    'Reference vector',
    'A model that computes different vectors finds different texts.',
  ),
];

/** Every check in display order: the source for the command, the wizard, docs/doctor.md and the demo. */
export const DOCTOR_CHECKS: readonly Check[] = [
  ...CHECKS.filter(({ group }) => group === 'Tools' || group === 'Runtime' || group === 'Daemon'),
  ...CHECKS.filter(({ group }) => group === 'Core'),
  ...SESSION_CHECKS.filter(({ group }) => group === 'Core'),
  ...CHECKS.filter(({ group }) => group === 'Embeddings'),
  ...SESSION_CHECKS.filter(({ group }) => group === 'Embeddings'),
  ...CHECKS.filter(({ group }) => group === 'Network' || group === 'Disk' || group === 'System'),
  ...MODEL_CHECKS,
];

function sessionCheck(id: SessionCheck['id'], group: CheckGroup, label: string, why: string): Check {
  return {
    id: `session-${id}`,
    group,
    label,
    why,
    cost: 'deep',
    dependsOn: id === 'embedding' ? ['environment', 'model'] : ['environment'],
    timeoutMs: 180_000,
    async run(context): Promise<Outcome> {
      context.waitFor('waiting for a Python session');
      const { features } = (await context.facts.active()).manifest;
      if (id === 'embedding' && !features.includes('local-embeddings'))
        return skip('local embeddings are not installed');
      const results = await sessionResults(context);
      const found = results.find((check) => check.id === id);
      if (found?.status === 'pass') return pass(found.detail);
      if (found) return fail(found.detail, ['rebuild-environment']);
      const obstacle = results.find(({ status }) => status === 'fail');
      return obstacle ? unknown(`${obstacle.label}: ${obstacle.detail}`) : skip('not part of this wheel');
    },
  };
}

async function sessionResults({ facts, target, signal }: CheckContext): Promise<KernelDoctorCheck[]> {
  const { layout, manifest } = await facts.active();
  // No await between look and entry: the checks run at the same time.
  let running = sessions.get(facts);
  if (running === undefined) {
    const { cliVersion } = target;
    running = import('./kernel-doctor.ts').then(({ runKernelDoctor }) =>
      runKernelDoctor({ layout, features: manifest.features, cliVersion, signal }),
    );
    sessions.set(facts, running);
  }
  return running;
}
