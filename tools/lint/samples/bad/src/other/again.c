/* A function of another room,
 * with a name that is taken. */
int word_wait(void)
{
	return 0;
}
