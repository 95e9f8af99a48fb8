import * as z from 'zod/mini';
import { SETUP_STEPS } from '../core/events.ts';
import { CONSENTS, PLACEHOLDER_NAMES, REMEDY_IDS, VALUE_TYPES } from '../support/remedy.ts';
import { EVENT_SCHEMA_VERSION } from './json.ts';

const UV_PHASES = [
  'using-python',
  'creating-environment',
  'resolved',
  'downloading',
  'downloaded',
  'building',
  'built',
  'prepared',
  'uninstalled',
  'installed',
  'checked',
  'package-added',
  'package-removed',
  'python-installed',
  'warning',
  'error',
  'hint',
] as const;

const stepSchema = z.enum(SETUP_STEPS);
const artefactKindSchema = z.enum(['uv', 'python', 'wheel', 'model']);
const bytesSchema = z.int().check(z.nonnegative());
const durationSchema = z.number().check(z.nonnegative());
const sizeSchema = z.nullable(bytesSchema).check(z.describe('bytes; null is unknown'));
const at = z.iso.datetime().check(z.describe('when, ISO-8601 UTC'));

const planSchema = z.object({
  features: z.array(z.string()),
  target: z.string(),
  python: z.object({
    kind: z.enum(['managed', 'system']),
    version: z.string(),
    path: z.nullable(z.string()),
  }),
  rows: z.array(
    z.object({
      id: z.enum(['uv', 'python', 'packages', 'model', 'environment']),
      label: z.string(),
      action: z.enum(['here', 'fetch', 'make']),
      from: z.string(),
      place: z.string(),
      downloadBytes: sizeSchema,
      diskBytes: sizeSchema,
      rejected: z.array(z.string()),
    }),
  ),
  hosts: z.array(z.string()).check(z.describe('every host that will be contacted')),
  hasOpenHosts: z.optional(
    z.boolean().check(z.describe('uv finds further hosts by itself: the wheel has no lock')),
  ),
  fileCount: z.nullable(bytesSchema),
  downloadBytes: sizeSchema,
  diskBytes: sizeSchema,
  freeBytes: sizeSchema,
  environmentPath: z.string(),
  notes: z.array(z.string()),
});

const artefactSchema = z.object({
  file: z.string(),
  kind: artefactKindSchema,
  sha256: z.string(),
  sizeBytes: sizeSchema,
  unpackedBytes: sizeSchema,
});

const pathOfUv = z.string().check(z.describe('where uv is, or will be'));

const plannedInstallSchema = z.object({
  cliVersion: z.string(),
  runtimeRoot: z.string(),
  features: z.array(z.string()),
  environmentDir: z.string().check(z.describe('where the new environment would be built')),
  wheel: z.object({ file: z.string(), sha256: z.string() }),
  uv: z.union([
    z.object({ kind: z.enum(['given', 'ensure']), path: pathOfUv }),
    z.object({ kind: z.literal('here'), path: pathOfUv, isPinned: z.boolean() }),
    z.object({ kind: z.literal('fetch'), path: pathOfUv, artefact: artefactSchema }),
  ]),
  locked: z.nullable(
    z.object({
      lockSha256: z.string(),
      requirementsSha256: z.string(),
      python: z.union([
        z.object({ kind: z.literal('system'), version: z.string(), target: z.string(), path: z.string() }),
        z.object({
          kind: z.literal('managed'),
          version: z.string(),
          target: z.string(),
          archive: artefactSchema,
          presence: z.enum(['unpacked', 'stored', 'fetch']),
          unpackedDir: z.nullable(z.string()),
        }),
      ]),
      wheels: z.array(artefactSchema),
      toFetch: z
        .array(artefactSchema)
        .check(z.describe('interpreter and wheels that have to be in the store; some may be there already')),
      model: z.nullable(
        z.object({
          folder: z.string(),
          repository: z.string(),
          revision: z.string(),
          isHere: z.boolean(),
          files: z.array(artefactSchema),
          sources: z.array(
            z.object({
              origin: z.object({ from: z.string(), place: z.string() }),
              form: z.enum(['files', 'container']),
              artefacts: z.array(artefactSchema),
            }),
          ),
        }),
      ),
    }),
  ),
  hosts: z.array(z.string()).check(z.describe('every host that will be contacted')),
  diskNeeds: z.array(z.object({ what: z.string(), path: z.string(), bytes: sizeSchema })),
});

const remedySchema = z.object({
  id: z.enum(REMEDY_IDS),
  label: z.string().check(z.describe('what to do, for people')),
  argv: z
    .nullable(z.array(z.string()))
    .check(z.describe('the command that carries it out; null: a person does what the label says')),
  afterwards: z
    .nullable(z.array(z.string()))
    .check(z.describe('the command to run after that; null: argv is itself the next attempt')),
  env: z.record(z.string(), z.string()).check(z.describe('variables for argv and all that is run later')),
  append: z
    .nullable(z.object({ file: z.string(), line: z.string() }))
    .check(z.describe('a line for the end of a file; ~ is the home folder')),
  placeholders: z
    .array(z.object({ token: z.string(), name: z.enum(PLACEHOLDER_NAMES), type: z.enum(VALUE_TYPES) }))
    .check(z.describe('values to put where their tokens stand in argv, afterwards, env and append')),
  drop: z.array(z.string()).check(z.describe('flags of the failed run that argv and afterwards leave out')),
  nextAttempt: z
    .nullable(z.enum(['argv', 'afterwards']))
    .check(z.describe('which of the two runs the failed command again; null: neither')),
  changes: z.boolean().check(z.describe('false: it only shows something')),
  consent: z
    .nullable(z.enum(CONSENTS))
    .check(z.describe('why a person has to be asked first; null: nobody has to be')),
  command: z.nullable(z.string()).check(z.describe('the same as text, for people')),
});

const checkSchema = z.object({
  id: z.string(),
  group: z.string(),
  label: z.string(),
  status: z.enum(['pass', 'warn', 'fail', 'could-not-check', 'skipped']),
  detail: z.string(),
  fix: z.optional(z.string()),
  repairs: z.optional(z.array(z.string())),
  cause: z.optional(z.string()).check(z.describe('what it is, by the same ids as the cause of a failure')),
  remedies: z.optional(z.array(remedySchema)),
  durationMs: durationSchema,
});

const failureSchema = z.object({
  step: z.nullable(stepSchema),
  failureClass: z.enum(['network', 'verification', 'disk', 'permission', 'platform', 'conflict', 'internal']),
  title: z.string(),
  evidence: z.array(z.string()),
  nextSteps: z.array(z.string()),
  cause: z.optional(z.string()).check(z.describe('what it was, as one word for programs')),
  host: z.optional(z.nullable(z.string())).check(z.describe('host[:port], or the folder, that it is about')),
  remedies: z.optional(z.array(remedySchema)),
  untouched: z.string().check(z.describe('what still works, or that nothing was changed')),
  logPath: z.nullable(z.string()),
});

const resultSchema = z.object({
  status: z.enum(['ready', 'installed']),
  cliVersion: z.string(),
  features: z.array(z.string()),
  pythonPath: z.string(),
  pythonLabel: z.string(),
  daemonPath: z.string(),
  manifestPath: z.string(),
  logPath: z.string(),
  durationMs: durationSchema,
  downloadedBytes: bytesSchema,
  egress: z.array(z.object({ host: z.string(), bytes: bytesSchema })),
});

/** The first line of `ktx setup --json`. */
export const helloSchema = z.object({
  schemaVersion: z.literal(EVENT_SCHEMA_VERSION),
  type: z.literal('hello'),
  name: z.literal('ktx setup'),
  cliVersion: z.string(),
});

/** Every other line of `ktx setup --json`: the events of `src/core/events.ts`, for fleets and dashboards. */
export const setupEventSchema = z.union([
  z.object({
    at,
    type: z.literal('step'),
    step: stepSchema,
    status: z.enum(['started', 'finished']),
    detail: z.optional(z.string()),
    durationMs: z.optional(durationSchema),
  }),
  z.object({
    at,
    type: z.literal('step'),
    step: stepSchema,
    status: z.literal('failed'),
    detail: z.string(),
    durationMs: durationSchema,
  }),
  z.object({
    at,
    type: z.literal('lines'),
    step: stepSchema,
    stream: z.enum(['stdout', 'stderr', 'ktx']),
    lines: z.array(z.string()),
  }),
  z.object({
    at,
    type: z.literal('bytes'),
    step: stepSchema,
    file: z.string(),
    artefactKind: artefactKindSchema,
    doneBytes: bytesSchema,
    totalBytes: sizeSchema,
  }),
  z.object({
    at,
    type: z.literal('artefact'),
    step: stepSchema,
    file: z.string(),
    artefactKind: artefactKindSchema,
    sha256: z.string(),
    sizeBytes: bytesSchema,
    place: z.string().check(z.describe('host or folder that it came from; store when it was here already')),
    isCached: z.boolean(),
  }),
  z.object({
    at,
    type: z.literal('uv'),
    step: stepSchema,
    phase: z.enum(UV_PHASES),
    count: z.nullable(z.number()),
    name: z.nullable(z.string()),
    durationMs: z.nullable(durationSchema),
  }),
  z.object({
    at,
    type: z
      .literal('source')
      .check(z.describe('a source failed while it was fetched from; the next is taken')),
    step: stepSchema,
    what: z.string(),
    lost: z.object({ from: z.string(), place: z.string(), reason: z.string() }),
    next: z.object({ from: z.string(), place: z.string() }),
    dropped: z.array(z.object({ file: z.string(), sizeBytes: sizeSchema })),
    added: z.array(z.object({ file: z.string(), sizeBytes: sizeSchema })),
  }),
  z.object({
    at,
    type: z.literal('note'),
    step: stepSchema,
    level: z.enum(['info', 'warning']),
    text: z.string(),
  }),
  z.object({ at, type: z.literal('plan'), plan: planSchema }),
  z.object({ at, type: z.literal('check'), check: checkSchema }),
  z.object({ at, type: z.literal('failure'), failure: failureSchema }),
  z.object({
    at,
    type: z.literal('dry-run').check(z.describe('the end of a dry run: nothing was changed')),
    plan: plannedInstallSchema,
  }),
  z.object({ at, type: z.literal('done'), result: resultSchema }),
]);
