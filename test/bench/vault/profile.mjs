/** On demand: where the CPU of one process goes while it refreshes against an upstream that answers at once. */
import { fileURLToPath } from 'node:url';
import { tell } from './commands.mjs';
import { makeDue } from './world.mjs';

const TOP = 30;

/** @returns {Promise<string[][]>} a table: the functions with the most time of their own */
export async function profileRows(world, count) {
  const url = await world.database('bench_profile');
  const vault = await world.vault(url);
  await tell(vault, 'import', { issuer: world.upstream.url, count });
  for (let warming = 0; warming < 3; warming++) {
    await makeDue(url, count);
    await tell(vault, 'sweep');
  }
  await makeDue(url, count);
  const { report, profile } = await tell(vault, 'profile');
  if (report.refreshed !== count) throw new Error(JSON.stringify(report));
  return tableOf(profile, count);
}

/** Own time by function, then what each file of ours and each package spends, in Node's own functions too. */
function tableOf({ nodes, samples, timeDeltas }, count) {
  const byId = new Map(nodes.map((node) => [node.id, { ...node, own: 0 }]));
  for (const node of byId.values()) for (const child of node.children ?? []) byId.get(child).parent = node;
  samples.forEach((id, index) => (byId.get(id).own += timeDeltas[index]));
  const [functions, places] = [new Map(), new Map()];
  const add = (map, name, micros) => map.set(name, (map.get(name) ?? 0) + micros);
  for (const node of byId.values()) {
    const { functionName, url } = node.callFrame;
    // `dispatch` is the inspector itself.
    if (functionName === '(idle)' || (functionName === 'dispatch' && url === '')) continue;
    add(functions, nameOf(node.callFrame), node.own);
    add(places, placeOf(node), node.own);
  }
  const busy = [...functions.values()].reduce((sum, micros) => sum + micros, 0);
  const rows = (entries) =>
    [...entries]
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, TOP)
      .map(([name, micros]) => [name, `${(micros / count).toFixed(1)} µs`, `${((micros / busy) * 100).toFixed(1)} %`]);
  return [['own time', 'each refresh', 'of the CPU'], ...rows(functions), ['with Node', '', ''], ...rows(places)];
}

const fileOf = ({ url }) => (url.startsWith('file:') ? fileURLToPath(url) : url);

function nameOf(frame) {
  const place = fileOf(frame).replace(/^.*\/(node_modules|dist\/apps\/server)\//, '');
  return place === '' ? frame.functionName : `${frame.functionName || '(anonymous)'} ${place}:${frame.lineNumber + 1}`;
}

/** The file of ours, or the package, that a function is of or, being Node's own, was called by. */
function placeOf(node) {
  for (let at = node; at !== undefined; at = at.parent) {
    const file = fileOf(at.callFrame);
    const ours = /dist\/apps\/server\/(.+)$/.exec(file)?.[1];
    const owner = ours ?? /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
    if (owner !== undefined) return owner;
  }
  return node.callFrame.url === '' ? node.callFrame.functionName : 'Node';
}
