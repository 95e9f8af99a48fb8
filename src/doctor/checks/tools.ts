import { stat } from 'node:fs/promises';
import { controlledExec } from '../../process/exec.ts';
import { verifyRuntimeAsset } from '../../shipped/asset.ts';
import { openStore } from '../../store/store.ts';
import { errorMessage } from '../../support/errors.ts';
import { managedUvPath } from '../../uv/acquire.ts';
import { inspectUvBinary, uvPinsFor } from '../../uv/binary.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';
import { isMarkedVerified } from '../../uv/verified-mark.ts';
import { readUvVersion } from '../../uv/version.ts';
import { type Check, fail, pass } from './check.ts';

export const TOOL_CHECKS: readonly Check[] = [
  {
    id: 'uv',
    group: 'Tools',
    label: 'uv',
    why: 'uv builds the environment; a program that is not the pinned uv must not be run.',
    cost: 'offline',
    dependsOn: ['folders', 'volume'],
    async run({ target, env, homeDir, layout, shared, isDeep, signal }) {
      const { runtimeRoot } = layout;
      const uvPath = managedUvPath({ env, homeDir, runtimeRoot });
      const found = await stat(uvPath).catch(() => null);
      if (found === null) return fail(`uv ${MANAGED_UV_VERSION} is not installed: ${uvPath}`, ['replace-uv']);
      if (!found.isFile()) return fail(`${uvPath} is not a file`, ['replace-uv']);
      const isTrusted = !isDeep && (await isMarkedVerified(uvPath));
      const pins = uvPinsFor(process);
      if (!isTrusted && pins !== null) {
        const { state } = await inspectUvBinary(uvPath, pins, openStore(shared.storeDir));
        if (state !== 'pinned')
          return fail(`${uvPath} is not the uv ${MANAGED_UV_VERSION} that ktx knows`, ['replace-uv']);
      }
      try {
        const version = await readUvVersion({
          uvPath,
          exec: controlledExec({ signal }),
          env: target.env ?? env,
        });
        return pass(`${version} (${uvPath})`);
      } catch (error) {
        return fail(`uv does not run: ${errorMessage(error)}`, ['replace-uv']);
      }
    },
  },
  {
    id: 'asset',
    group: 'Tools',
    label: 'Bundled Python wheel',
    why: 'The wheel and its lock decide what is installed; a changed one installs something else.',
    cost: 'offline',
    dependsOn: [],
    async run({ layout, facts }) {
      try {
        const { wheelPath } = await verifyRuntimeAsset({ assetDir: layout.assetDir });
        await facts.lockedAsset();
        return pass(wheelPath);
      } catch (error) {
        return fail(errorMessage(error), [], 'Reinstall the ktx package');
      }
    },
  },
];
