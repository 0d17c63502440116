export { SessionTesting, sessionTesting } from './session-testing.js';
export type { AppWithSessions, SentCookies, StoredTestSession, TestSession } from './session-testing.js';
export { FakeSession } from './fake-session.js';
export type { FakeSessionConstructor, FakeSessionOptions } from './fake-session.js';
export { overrideSessions } from './override-sessions.js';
export type { TestingBuilder } from './override-sessions.js';
export type { SessionOverrides } from '../nest/session.tokens.js';
export { ManualClock } from './contract/manual-clock.js';

export { storeContract } from './store-contract.js';
export type { StoreContractOptions } from './store-contract.js';
export type { ContractContext, ContractSubject } from './contract/harness.js';
export type { ContractAssertion, ContractRegister, ContractRunner } from './contract/runner.js';
