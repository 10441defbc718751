/** On demand: where the CPU of one process goes while it refreshes against an upstream that answers at once. */
import { fileURLToPath } from 'node:url';
import { tell } from './commands.mjs';
import { makeDue } from './world.mjs';

const TOP = 40;

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

function tableOf({ nodes, samples, timeDeltas }, count) {
  const own = new Map(nodes.map(({ id }) => [id, 0]));
  samples.forEach((id, index) => own.set(id, own.get(id) + timeDeltas[index]));
  const spent = new Map();
  const add = (name, micros) => spent.set(name, (spent.get(name) ?? 0) + micros);
  for (const { id, callFrame } of nodes) add(nameOf(callFrame), own.get(id));
  spent.delete('(idle)');
  const busy = [...spent.values()].reduce((sum, micros) => sum + micros, 0);
  const byFolder = new Map();
  for (const [name, micros] of spent) {
    const folder = folderOf(name);
    byFolder.set(folder, (byFolder.get(folder) ?? 0) + micros);
  }
  const rows = (entries) =>
    [...entries]
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, TOP)
      .map(([name, micros]) => [name, `${(micros / count).toFixed(1)} µs`, `${((micros / busy) * 100).toFixed(1)} %`]);
  return [['own time', 'each refresh', 'of the CPU'], ...rows(spent), ['', '', ''], ...rows(byFolder)];
}

function nameOf({ functionName, url, lineNumber }) {
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  const place = file.replace(/^.*\/(node_modules|dist\/apps\/server)\//, '');
  return place === '' ? functionName : `${functionName || '(anonymous)'} ${place}:${lineNumber + 1}`;
}

/** The package, or the lib, that a function belongs to. */
function folderOf(name) {
  const place = name.split(' ').at(-1);
  const lib = /^(libs\/[^/]+|@[^/]+\/[^/]+|node:[^/:]+|[a-z][^/:]*\/)/.exec(place)?.[0];
  return lib === undefined ? name : `all of ${lib}`;
}
