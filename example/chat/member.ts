export const MEMBER_NAME_LIMIT = 20;
export const PASSWORD_LIMITS = { min: 8, max: 200 } as const;

/** The staff may end what others do; `npm run chat:role` makes somebody one of them. */
export const MEMBER_ROLES = ["member", "staff"] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];
