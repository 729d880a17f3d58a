-- howdah.drop_consumer: forgets the consumer and its state; the topic's events stay. Later acks of its claims fail.
create or replace function howdah.drop_consumer(consumer text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    c howdah.consumer := howdah.lock_consumer(consumer);
begin
    perform howdah.need('SELECT', (select source from howdah.topic t where t.number = c.topic));
    delete from howdah.extension e using howdah.claims x where x.consumer = c.number and e.claim_id = x.claim_id;
    delete from howdah.claims x where x.consumer = c.number;
    delete from howdah.pending x where x.consumer = c.number;
    delete from howdah.dead x where x.consumer = c.number;
    delete from howdah.folded x where x.consumer = c.number;
    delete from howdah.consumer x where x.number = c.number;
end $$;
