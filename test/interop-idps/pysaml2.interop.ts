import { itWorksWith } from './flows.js';
import { describeWith } from './packages.js';
import { startPysaml2 } from './pysaml2.js';

const suite = describeWith('openssl', 'python3-pysaml2', 'xmlsec1');

suite('pysaml2 7.0', () => itWorksWith('gcm', startPysaml2));
