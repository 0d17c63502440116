import * as fs from 'node:fs';
import { join } from 'node:path';

import { Claims, ownerOf } from './claims.js';
import { isAbandoned } from './owner.js';
import type { SessionFolder } from './session-folder.js';
import type { VersionedFiles } from './versioned-files.js';

/** After this time, files of a process in another container count as abandoned, in ms. */
const FOREIGN_AGE = 86_400_000;

/**
 * Completes or removes what killed processes have left behind. Files of running processes stay. The order matters:
 * temporary files are listed before claims, and a dead process makes no more claims. So a temporary file that no claim
 * names is unused.
 */
export async function tidyAbandonedFiles(
  folder: SessionFolder,
  files: VersionedFiles,
  newMark: () => string,
): Promise<void> {
  const temps = (await fs.promises.readdir(folder.temps)).filter((temp) =>
    isAbandoned(ownerOf(temp), join(folder.temps, temp), FOREIGN_AGE),
  );
  const claims = new Claims(folder);
  const claimed = new Set<string>();
  for (const link of await fs.promises.readdir(folder.claims)) {
    const claim = claims.read(link);
    // Any process may complete a `put` at any time.
    if (
      claim?.kind === 'put' ||
      (claim !== undefined && isAbandoned(ownerOf(claim.mark), join(folder.claims, link), FOREIGN_AGE))
    )
      files.finish(link, newMark());
    const temp = claims.tempOf(link);
    if (temp !== undefined) claimed.add(temp);
  }
  for (const temp of temps) if (!claimed.has(temp)) folder.discardTemp(temp);
}
