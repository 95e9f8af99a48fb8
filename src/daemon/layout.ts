import { join } from 'node:path';
import { declaredEmbedder } from '../core/embedder.ts';
import {
  type ManagedPythonRuntimeLayout,
  type ManagedPythonRuntimeLayoutOptions,
  managedPythonRuntimeLayout,
} from '../core/layout.ts';

export interface ManagedPythonDaemonLayoutOptions extends ManagedPythonRuntimeLayoutOptions {
  projectDir: string;
}

/** The runtime's paths, which are the same for all projects, and those of one project's daemon. */
export interface ManagedPythonDaemonLayout extends ManagedPythonRuntimeLayout {
  projectDir: string;
  daemonStateDir: string;
  daemonStatePath: string;
  daemonStdoutPath: string;
  daemonStderrPath: string;
}

/** Computes paths without touching the disk. */
export function managedPythonDaemonLayout(
  options: ManagedPythonDaemonLayoutOptions,
): ManagedPythonDaemonLayout {
  const { projectDir, ...runtimeOptions } = options;
  // Programs with different wheels may serve the same project.
  const embedder = declaredEmbedder();
  const daemonStateDir = join(projectDir, '.ktx', 'runtime', ...(embedder ? [embedder.name] : []));
  return {
    ...managedPythonRuntimeLayout(runtimeOptions),
    projectDir,
    daemonStateDir,
    daemonStatePath: join(daemonStateDir, 'daemon.json'),
    daemonStdoutPath: join(daemonStateDir, 'daemon.stdout.log'),
    daemonStderrPath: join(daemonStateDir, 'daemon.stderr.log'),
  };
}
