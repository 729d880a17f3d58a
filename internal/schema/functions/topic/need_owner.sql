-- howdah.need_owner: refuses a caller who is not a member of the role that owns Howdah's schema.
create or replace function howdah.need_owner(what text) returns void
language plpgsql stable as $$
declare
    owner name := (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'howdah');
begin
    if not pg_has_role(howdah.caller(), owner, 'MEMBER') then
        raise exception 'permission denied: % may not %', howdah.caller(), what
            using errcode = 'insufficient_privilege',
                  hint = format('Ask a member of %I, the role that owns Howdah here.', owner);
    end if;
end $$;
