import { CLIENTS, FLOWS } from './flows.mjs';

/**
 * The table of flows × clients. `outcomes`: of each test that ran, the client, the flow and Jest's status. A cell is
 * `yes`, `no`, `not in it` for what the client has not, or `not run`; reasons stand below.
 * @returns {string}
 */
export function tableOf(outcomes) {
  const clients = Object.keys(CLIENTS);
  const notes = [];
  const noted = (reason) => {
    if (!notes.includes(reason)) notes.push(reason);
    return notes.indexOf(reason) + 1;
  };
  const cellOf = (client, flow) => {
    const found = outcomes.filter((outcome) => outcome.client === client && outcome.flow === flow);
    if (found.length === 0) {
      const absent = CLIENTS[client][flow];
      return absent === undefined ? 'not run' : `not in it [${noted(`not in this client: ${absent}`)}]`;
    }
    const failed = found.find(({ status }) => status === 'failed');
    if (failed !== undefined) return `no [${noted(failed.reason)}]`;
    return found.every(({ status }) => status === 'passed') ? 'yes' : 'not run';
  };
  const rows = FLOWS.map((flow) => [flow, ...clients.map((client) => cellOf(client, flow))]);
  const all = [['Gatehouse as the OpenID provider of', ...clients], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join(' | ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('-|-');
  return [lines[0], rule, ...lines.slice(1), '', ...notes.map((note, index) => `[${index + 1}] ${note}`)].join('\n');
}
