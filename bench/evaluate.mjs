/** Samples of one case as figures: each server's, and the ratios that are asked for. */
import { median, ratio, summary } from './statistics.mjs';

const rounded = (value, digits) => Number(value.toFixed(digits));
const figure = ({ value, low, high }, digits) => ({
  value: rounded(value, digits),
  low: rounded(low, digits),
  high: rounded(high, digits),
});

export function evaluate(each, samples) {
  const cpuOf = (name) => samples[name].map(({ cpu }) => cpu);
  // Over the bare route of its own platform, round by round.
  const floorOf = (name) => cpuOf(each.floors?.[name] ?? 'bare');
  const costOf = (name) => cpuOf(name).map((cpu, n) => cpu - floorOf(name)[n]);
  const of = (name, key) => median(samples[name].map((sample) => sample[key]));
  const servers = each.servers.map((name) => ({
    name,
    cpuUs: figure(summary(cpuOf(name)), 1),
    floors: rounded(median(samples[name].map(({ cpu }, n) => cpu / floorOf(name)[n])), 3),
    requestsPerSecond: Math.round(of(name, 'rate')),
    p50Ms: rounded(of(name, 'p50'), 2),
    p99Ms: rounded(of(name, 'p99'), 2),
    busy: rounded(of(name, 'busy'), 2),
    samplesUs: cpuOf(name).map((cpu) => rounded(cpu, 1)),
  }));
  const ratios = each.ratios.map(([ours, peer, most]) => ({
    what: 'session cost',
    ours,
    peer,
    ...figure(ratio(costOf(ours), costOf(peer)), 3),
    ...(most === undefined ? {} : { most }),
  }));
  for (const [ours, most] of Object.entries(each.overBare ?? {})) {
    ratios.push({ what: 'CPU time', ours, peer: 'bare', ...figure(ratio(cpuOf(ours), cpuOf('bare')), 3), most });
  }
  if (each.rawShare !== undefined) {
    ratios.push({
      what: 'CPU time',
      ours: 'raw read',
      peer: 'keycard',
      ...figure(ratio(cpuOf('raw read'), cpuOf('keycard')), 3),
      least: each.rawShare,
    });
  }
  return { title: each.title, bytes: each.bytes ?? 400, servers, ratios };
}
