-- howdah.get_setting: the value of one of Howdah's settings (table howdah.setting).
create or replace function howdah.get_setting(name text) returns text
language sql stable as $$
    select value from howdah.setting s where s.name = get_setting.name
$$;
revoke execute on function howdah.get_setting(text) from public;
