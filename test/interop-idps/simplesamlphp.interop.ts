import { itWorksWith } from './flows.js';
import { describeWith } from './packages.js';
import { startSimpleSamlPhp } from './simplesamlphp.js';

const suite = describeWith('openssl', 'simplesamlphp', 'php-cli', 'php-xml', 'php-mbstring', 'xmlsec1');

suite('SimpleSAMLphp 1.19', () => itWorksWith('cbc', startSimpleSamlPhp));
