import client
