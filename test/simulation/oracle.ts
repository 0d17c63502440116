import type { History } from './history.js';
import { CapOracle } from './oracle/cap-oracle.js';
import { DataOracle } from './oracle/data-oracle.js';
import { EndsOracle } from './oracle/ends-oracle.js';
import { IdsOracle } from './oracle/ids-oracle.js';
import { LoginsOracle } from './oracle/logins-oracle.js';
import { PrincipalsOracle } from './oracle/principals-oracle.js';
import { WaitsOracle } from './oracle/waits-oracle.js';
import type { Violation } from './oracle/invariants.js';

/** Holds a history against the invariants. It says nothing where a fault leaves open what has to be. */
export function check(history: History): Violation[] {
  const oracles = [EndsOracle, LoginsOracle, WaitsOracle, DataOracle, IdsOracle, CapOracle, PrincipalsOracle];
  return oracles.flatMap((Oracle) => new Oracle(history).check());
}
