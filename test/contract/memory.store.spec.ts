import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { MemoryStore } from '../../lib/stores/memory.store.js';
import { storeContract } from '../../lib/testing/store-contract.js';

storeContract({
  name: 'MemoryStore',
  create: ({ clock }) => ({ store: new MemoryStore({ clock }) }),
  runner: { describe, it, expect, beforeEach, afterEach },
});
