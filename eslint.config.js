import tseslint from "typescript-eslint";

// Biome lints and formats; ESLint only adds the rules that need types.
export default tseslint.config({
  files: ["lib/**/*.ts", "spec/**/*.ts", "example/**/*.ts", "bench/**/*.ts"],
  extends: [tseslint.configs.base],
  languageOptions: {
    parserOptions: {
      project: [
        "./lib/tsconfig.json",
        "./spec/tsconfig.json",
        "./example/tsconfig.json",
        "./bench/tsconfig.json",
      ],
      tsconfigRootDir: import.meta.dirname,
    },
  },
  rules: {
    "@typescript-eslint/no-floating-promises": "error",
    "@typescript-eslint/no-misused-promises": "error",
    "@typescript-eslint/switch-exhaustiveness-check": "error",
  },
});
