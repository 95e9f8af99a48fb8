import type { Check } from './check.ts';
import { DISK_CHECKS } from './disk.ts';
import { EMBEDDING_CHECKS } from './embeddings.ts';
import { ENVIRONMENT_CHECKS } from './environment.ts';
import { FOLDER_CHECKS } from './folders.ts';
import { LEFTOVER_CHECKS } from './leftovers.ts';
import { NETWORK_CHECKS } from './network.ts';
import { PACKAGE_CHECKS } from './packages.ts';
import { DAEMON_CHECKS } from './project-daemon.ts';
import { PYTHON_FILE_CHECKS } from './python-files.ts';
import { RUNTIME_CHECKS } from './runtime.ts';
import { SYSTEM_CHECKS } from './system.ts';
import { TOOL_CHECKS } from './tools.ts';

/** All checks except those of a Python session and of the language model, which `all-checks.ts` adds. */
export const CHECKS: readonly Check[] = [
  ...TOOL_CHECKS,
  ...FOLDER_CHECKS,
  ...RUNTIME_CHECKS,
  ...PACKAGE_CHECKS,
  ...PYTHON_FILE_CHECKS,
  ...ENVIRONMENT_CHECKS.filter(({ group }) => group === 'Runtime'),
  ...LEFTOVER_CHECKS,
  ...DAEMON_CHECKS,
  ...ENVIRONMENT_CHECKS.filter(({ group }) => group === 'Core'),
  ...EMBEDDING_CHECKS,
  ...NETWORK_CHECKS,
  ...DISK_CHECKS,
  ...SYSTEM_CHECKS,
];
