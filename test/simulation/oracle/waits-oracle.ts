import { NEVER_ENDED, type Point, type RequestRecord } from '../history.js';
import { STORE_TIMEOUT } from '../plan.js';
import { Facts } from './facts.js';

/** The bound of invariant 9, beside `storeTimeout`, in ms. */
const WAIT_BOUND = STORE_TIMEOUT;
/** Steps of a run take a moment themselves, in ms. */
const LEEWAY = 5;
/** A method of the registry makes a call for each session, one after another, and each of these has the bound. */
const FOREVER_ASKED = 20 * STORE_TIMEOUT;

/** Invariant 9: everybody gets an answer, in limited time. */
export class WaitsOracle extends Facts {
  protected checkAll(): void {
    this.checkWaits();
    for (const message of this.history.unhandled) this.fail('unhandled', message);
  }

  /**
   * What each caller of a request waited for: the handler for its session, whoever awaits a verb for the verb, and the response for the commit.
   * A handler that calls several verbs waits for each of them, which is its own doing.
   */
  private *waitsOf(request: RequestRecord): Generator<[string, Point, Point]> {
    const { name, began, handlerBegan, handlerEndedAt, released, operations } = request;
    yield [`${name}: reading the session`, began, handlerBegan === NEVER_ENDED ? released : handlerBegan];
    for (const { id, verb, began: from, ended } of operations)
      if (ended !== NEVER_ENDED) yield [`${id} (${verb.do})`, from, ended];
    if (handlerEndedAt !== NEVER_ENDED) yield [`${name}: the commit`, handlerEndedAt, released];
  }

  private checkWaits(): void {
    for (const request of this.history.requests) {
      if (request.died || request.clientLeft || request.began === NEVER_ENDED) continue;
      if (request.status === undefined) {
        this.fail('waits-for-ever', `${request.name} was never answered`);
        continue;
      }
      const took = request.released.time - request.began.time - request.waited;
      // Without trouble no store call takes longer than some ms.
      const { trouble } = this.history.plan.config;
      if (took > 1_000 && trouble !== 'faults' && trouble !== 'locks')
        this.fail('waits-too-long', `${request.name} took ${Math.round(took)} ms`);
      for (const [what, from, to] of this.waitsOf(request))
        if (to.time - from.time > STORE_TIMEOUT + WAIT_BOUND + LEEWAY)
          this.fail('waits-too-long', `${what} took ${Math.round(to.time - from.time)} ms`);
      if (request.status === 500 && request.error?.startsWith('SessionStateError ENDED') !== true)
        this.fail('server-error', `${request.name}: ${request.error ?? 'status 500'}`);
    }
    for (const { action, outcome, began, ended } of this.history.registry)
      if (outcome !== undefined && ended.time - began.time > FOREVER_ASKED)
        this.fail('waits-too-long', `${action.do} took ${Math.round(ended.time - began.time)} ms`);
      else if (outcome === undefined && ended === NEVER_ENDED && this.history.plan.config.trouble !== 'kills')
        this.fail('waits-for-ever', `${action.do} never answered`);
  }
}
