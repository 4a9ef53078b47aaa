insert into notes (title, body) values
  ('groceries', 'bread, salt'),
  ('groceries', 'milk'),
  ('ideas', 'a dry place in the river'),
  ('groceries', 'tea'),
  ('letters', 'to Ada'),
  ('ideas', 'go back whenever you like');
