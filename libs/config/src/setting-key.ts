/** Where a value stands in the settings document: `['oauth_providers', 0, 'issuer']`. */
export type SettingPath = readonly (string | number)[];

/** A setting as it is named to the operator; `prefix` belongs in front of the message ("entry 2: "). */
export interface SettingName {
  readonly key: string;
  readonly prefix: string;
}

/** Maps a place in the document to the environment name or YAML path that the operator actually wrote. */
export type NameSetting = (path: SettingPath) => SettingName;

/** `oauth_providers[0].issuer` */
export function yamlKey(path: SettingPath): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** @param origins document path (as `yamlKey`) → name of the environment variable that set it */
export function settingNames(origins: ReadonlyMap<string, string>): NameSetting {
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const environmentName = origins.get(yamlKey(path.slice(0, length)));
      if (environmentName === undefined) continue;
      const entry = path[length];
      return { key: environmentName, prefix: typeof entry === 'number' ? `entry ${entry + 1}: ` : '' };
    }
    return { key: yamlKey(path), prefix: '' };
  };
}
