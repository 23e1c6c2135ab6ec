export const MEMBER_NAME_LIMIT = 20;
export const PASSWORD_LIMITS = { min: 8, max: 200 } as const;
