"""The pages of the site that are made from the code, and what is checked of the site once it is built."""
