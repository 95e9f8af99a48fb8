import * as z from 'zod/mini';
import { bundleSchema, memberSchema } from '../../bundle/archive/bundle-schema.ts';
import { doctorReportSchema } from '../../doctor/report-schema.ts';
import { installedManifestSchema } from '../../runtime/manifest-schema.ts';

const bytes = z.int().check(z.nonnegative());
const text = z.string();
const texts = z.array(text);
const process = z.object({ pid: z.int(), command: text });

const check = z.object({
  id: text,
  label: text,
  status: z.enum(['pass', 'fail']),
  detail: text,
  fix: z.optional(text),
});

const layout = z.looseObject({
  cliVersion: text,
  runtimeRoot: text,
  versionDir: text,
  manifestPath: text,
  installLogPath: text,
  assetDir: text,
  assetManifestPath: text,
  venvDir: text,
  pythonPath: text,
  daemonPath: text,
});

const side = z.object({
  environmentDir: text,
  installedAt: text,
  features: texts,
  wheelVersion: text,
});

const network = z.object({
  lines: z.array(z.object({ name: text, value: text, origin: text })),
  logins: z.array(z.object({ host: text, origin: text })),
  warnings: texts.check(z.describe('what was seen and is not obeyed')),
  storedPath: text,
  stored: z.record(text, text),
});

const members = z.array(memberSchema);

/**
 * The `--json` output of each command on success, by the name of its document below docs/schemas. Later
 * versions of ktx may add keys to objects. A failure is one line of `setup-event.json`, of type `failure`.
 */
export const OUTPUT_SCHEMAS = {
  doctor: doctorReportSchema,
  'doctor-list': z.object({
    schemaVersion: z.literal(1),
    checks: z.array(
      z.looseObject({ id: text, group: text, label: text, why: text, cost: text, dependsOn: texts }),
    ),
    repairs: z.array(z.looseObject({ id: text, label: text })),
  }),
  'doctor-undo': z.object({ undone: texts.check(z.describe('repairs that were put back')) }),
  'runtime-status': z.object({
    kind: z.enum(['missing', 'ready', 'mismatched', 'broken']),
    detail: text,
    layout,
    manifest: z.optional(installedManifestSchema),
    checks: z.array(z.extend(check, { status: z.enum(['pass', 'fail', 'warn', 'could-not-check']) })),
    lookedAt: texts.check(z.describe('what the answer rests on')),
  }),
  'runtime-doctor': z.object({ checks: z.array(check) }),
  'runtime-undo': z.object({
    direction: z.enum(['back', 'forward']),
    from: z.nullable(side),
    to: side,
  }),
  'runtime-uninstall': z.object({
    runtimeRoot: text,
    removedBytes: bytes,
    stoppedPids: z.array(z.int()),
    left: z.array(z.object({ path: text, sizeBytes: bytes, reason: text })),
    leftBytes: bytes,
  }),
  'runtime-history': z.object({
    runtimeRoot: text,
    entries: z.array(
      z.looseObject({
        version: text,
        at: text,
        action: text.check(z.describe('install, undo, redo or repair')),
        reason: text,
        to: text,
        replaced: z.nullable(text),
        features: texts,
        wheel: z.object({ version: text, sha256: text }),
        by: z.object({ user: text, host: text, pid: z.int() }),
      }),
    ),
  }),
  'runtime-usage': z.object({
    runtimeRoot: text,
    parts: z.array(z.object({ what: text, sizeBytes: bytes })),
    sizeBytes: bytes,
    foreign: z.array(z.object({ path: text, sizeBytes: bytes, reason: text })),
    daemons: z.array(process),
    projects: z.array(
      z.object({
        projectDir: text,
        folder: z.enum(['there', 'gone']),
        daemon: z.nullable(z.object({ pid: z.int(), version: text })),
      }),
    ),
    processes: z.array(process),
  }),
  'network-show': network,
  'network-set': z.object({ path: text, settings: z.record(text, text) }),
  'network-unset': z.object({
    path: text,
    settings: z.record(text, text),
    removed: texts,
    wasUnreadable: z.optional(z.literal(true)),
  }),
  report: z.object({
    createdAt: text,
    versions: z.record(text, text),
    runtime: z.object({ root: text, status: text, detail: text }),
    network,
    probes: z.array(z.object({ place: text, file: text, verdict: text, hosts: texts })),
    egress: z.array(z.object({ host: text, bytes })),
    log: z.nullable(z.object({ path: text, text, isCut: z.boolean() })),
    failure: z.nullable(z.object({ path: text, text })),
  }),
  'bundle-create': z.object({ paths: texts, sizeBytes: bytes, sha256: text, contents: bundleSchema }),
  'bundle-verify': z.object({
    schemaVersion: z.literal(1),
    type: z.literal('bundle-receipt'),
    bundle: text,
    sizeBytes: bytes,
    contentsSha256: text,
    checkedAt: text,
    checkedBy: text,
    host: text,
    signedBy: z.nullable(z.object({ principals: text, fingerprint: text })),
    cliVersion: text,
    platforms: texts,
    features: texts,
    members: z.array(z.object({ path: text, sha256: text, sizeBytes: bytes, licence: text })),
  }),
  'bundle-inspect': bundleSchema,
  'bundle-diff': z.object({
    added: members,
    removed: members,
    changed: z.array(z.object({ before: memberSchema, after: memberSchema })),
    newBytes: bytes,
  }),
  'model-host': z.object({
    ok: z.boolean(),
    step: z.enum(['validate', 'backup', 'write', 'restart', 'health', 'done']),
    backupPath: z.optional(text),
    diff: z.optional(text),
    error: z.optional(text),
    warnings: z.optional(texts),
  }),
} as const;
export type OutputName = keyof typeof OUTPUT_SCHEMAS;
