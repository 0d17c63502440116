import { describe, expect, it } from '@jest/globals';
import {
  type CommitOptions,
  type CommitPlan,
  type CommitRequest,
  type CommitState,
  planCommit,
} from '../../../lib/commit/plan-commit.js';

type Core = CommitState['core'];
type State = Core & { isChanged: boolean; isRenewalDue: boolean; isLoggedInByData: boolean };

const LOGIN: Core['claim'] = { principal: 'ada', at: 0, keys: undefined, given: [], mark: '' };
const FORMER = {} as Core['replaces'];
const stored: State = {
  status: 'stored',
  idChange: undefined,
  claim: undefined,
  replaces: undefined,
  isChanged: false,
  cookieChanged: false,
  isDue: false,
  isUnsettled: false,
  isRenewalDue: false,
  isLoggedInByData: false,
};
const fresh: State = { ...stored, status: 'new' };

const asked = (state: State): CommitState => ({
  core: state,
  isChanged: () => state.isChanged,
  isRenewalDue: () => state.isRenewalDue,
  isLoggedInByData: () => state.isLoggedInByData,
});
const start: CommitRequest = { isAtStart: true, isUnset: false, isPreflight: false };
const end: CommitRequest = { ...start, isAtStart: false };
const keep: CommitOptions = { unset: 'keep', saveUninitialized: false, isStrict: true };
const nothing: CommitPlan = { do: 'nothing', cookie: 'leave' };
const send: CommitPlan = { do: 'nothing', cookie: 'send' };

interface Row {
  readonly state: State;
  readonly request?: CommitRequest;
  readonly options?: Partial<CommitOptions>;
  readonly plan: CommitPlan;
}

const change = { why: 'change', isFixation: false } as const;
const touch = { why: 'touch', isFixation: false } as const;

/** Design, section 4: the commit table. Each row of it, and what the request and the options add. */
const table: Record<string, Row> = {
  'new, untouched': { state: fresh, plan: send },
  'new, changed': { state: { ...fresh, isChanged: true }, plan: { do: 'create', ...change } },
  'new, untouched, saveUninitialized': {
    state: fresh,
    options: { saveUninitialized: true },
    plan: { do: 'create', ...change },
  },
  'new, untouched, saveUninitialized, a preflight': {
    state: fresh,
    request: { ...start, isPreflight: true },
    options: { saveUninitialized: true },
    plan: send,
  },
  'new, somebody logs in': {
    state: { ...fresh, claim: LOGIN, idChange: 'login' },
    plan: { do: 'create', ...change },
  },
  'new, somebody is logged in by data': {
    state: { ...fresh, isChanged: true },
    plan: { do: 'create', ...change },
  },
  'stored, unchanged, expiry not due': { state: stored, plan: send },
  'stored, unchanged, expiry due': { state: { ...stored, isDue: true }, plan: { do: 'replace', ...touch } },
  'stored, the index has its owner wrong': {
    state: { ...stored, isUnsettled: true },
    plan: { do: 'replace', ...touch },
  },
  'stored, changed': { state: { ...stored, isChanged: true }, plan: { do: 'replace', ...change } },
  'stored, changed, expiry due': {
    state: { ...stored, isChanged: true, isDue: true },
    plan: { do: 'replace', ...change },
  },
  'stored, its cookie changed': { state: { ...stored, cookieChanged: true }, plan: { do: 'replace', ...change } },
  'stored, somebody is logged in by data': {
    state: { ...stored, isChanged: true, isLoggedInByData: true },
    plan: { do: 'change-id', as: 'login', ...change },
  },
  'stored, somebody is logged in by data, with express-session’s surface': {
    state: { ...stored, isChanged: true, isLoggedInByData: true },
    options: { isStrict: false },
    plan: { do: 'replace', why: 'change', isFixation: true },
  },
  'stored, a renewal is due': {
    state: { ...stored, isRenewalDue: true },
    plan: { do: 'change-id', as: 'renew', ...change },
  },
  'stored, a renewal is due, and somebody is logged in by data': {
    state: { ...stored, isRenewalDue: true, isChanged: true, isLoggedInByData: true },
    plan: { do: 'change-id', as: 'login', ...change },
  },
  'stored, a renewal is due, after renew()': {
    state: { ...stored, isRenewalDue: true, idChange: 'renew' },
    plan: { do: 'change-id', as: 'renew', ...change },
  },
  'stored, a renewal is due, after a login': {
    state: { ...stored, isRenewalDue: true, idChange: 'login', claim: LOGIN },
    plan: { do: 'change-id', as: 'login', ...change },
  },
  renewed: { state: { ...stored, idChange: 'renew' }, plan: { do: 'change-id', as: 'renew', ...change } },
  'logged in': {
    state: { ...stored, idChange: 'login', claim: LOGIN },
    plan: { do: 'change-id', as: 'login', ...change },
  },
  confirmed: {
    state: { ...stored, idChange: 'confirm', claim: LOGIN },
    plan: { do: 'change-id', as: 'confirm', ...change },
  },
  'regenerated from a stored one': {
    state: { ...fresh, idChange: 'regenerate', replaces: FORMER },
    plan: { do: 'change-id', as: 'regenerate', ...change },
  },
  'regenerated from a new one': {
    state: { ...fresh, idChange: 'regenerate' },
    plan: { do: 'create', ...change },
  },
  'handed over to another principal': {
    state: { ...fresh, idChange: 'login', claim: LOGIN, replaces: FORMER },
    plan: { do: 'change-id', as: 'login', ...change },
  },
  'ended here': { state: { ...stored, status: 'ended-here' }, plan: { do: 'nothing', cookie: 'clear' } },
  'ended elsewhere': { state: { ...stored, status: 'ended-elsewhere', isChanged: true }, plan: nothing },
  'the store failed, or a login replaced the id': {
    state: { ...stored, status: 'read-only', isChanged: true },
    plan: nothing,
  },
  'unset, and kept': {
    state: { ...stored, isChanged: true },
    request: { ...start, isUnset: true },
    plan: { do: 'nothing', cookie: 'send-new' },
  },
  'unset, and kept, after regenerate()': {
    state: { ...fresh, idChange: 'regenerate', replaces: FORMER },
    request: { ...start, isUnset: true },
    plan: { do: 'end', isKept: true },
  },
  'unset, to be destroyed': {
    state: stored,
    request: { ...start, isUnset: true },
    options: { unset: 'destroy' },
    plan: { do: 'end', isKept: false },
  },
  'unset, to be destroyed, ended elsewhere': {
    state: { ...stored, status: 'ended-elsewhere' },
    request: { ...start, isUnset: true },
    options: { unset: 'destroy' },
    plan: nothing,
  },
  'at the end of a stream: nothing to write': { state: stored, request: end, plan: nothing },
  'at the end of a stream: changed': {
    state: { ...stored, isChanged: true },
    request: end,
    plan: { do: 'replace', ...change },
  },
  'at the end of a stream: expiry due': {
    state: { ...stored, isDue: true },
    request: end,
    plan: { do: 'replace', ...touch },
  },
  'at the end of a stream: a renewal is due': { state: { ...stored, isRenewalDue: true }, request: end, plan: nothing },
  'at the end of a stream: a session was begun': {
    state: { ...fresh, isChanged: true },
    request: end,
    plan: { do: 'refuse', isLoss: true },
  },
  'at the end of a stream: a new one that saveUninitialized would write': {
    state: fresh,
    request: end,
    options: { saveUninitialized: true },
    plan: { do: 'refuse', isLoss: false },
  },
  'at the end of a stream: somebody is logged in by data': {
    state: { ...stored, isChanged: true, isLoggedInByData: true },
    request: end,
    plan: { do: 'refuse', isLoss: true },
  },
  'at the end of a stream: unset, and kept': {
    state: stored,
    request: { ...end, isUnset: true },
    plan: nothing,
  },
  'at the end of a stream: unset, to be destroyed': {
    state: stored,
    request: { ...end, isUnset: true },
    options: { unset: 'destroy' },
    plan: { do: 'end', isKept: false },
  },
  'at the end of a stream: ended here': { state: { ...stored, status: 'ended-here' }, request: end, plan: nothing },
};

describe('planCommit (#11.2)', () => {
  it.each(Object.entries(table))('%s', (_name, { state, request = start, options, plan }) => {
    expect(planCommit(asked(state), request, { ...keep, ...options })).toEqual(plan);
  });

  it('compares the data of no session that is over', () => {
    for (const status of ['ended-here', 'ended-elsewhere', 'read-only'] as const) {
      const state: CommitState = {
        ...asked({ ...stored, status }),
        isChanged: () => {
          throw new Error('compared');
        },
      };
      expect(planCommit(state, start, keep).do).toBe('nothing');
    }
  });
});
